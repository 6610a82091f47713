"""Inline certificates and keys of a kubeconfig on disk, where the TLS library wants them: in a folder nobody else can enter."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import tempfile
import weakref
from pathlib import Path


class PrivateFiles:
    """A folder of mode 0700, made when the first file is saved and removed with this object or at the end of the process."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def save_base64(self, name: str, data: str) -> str:
        """Writes decoded *data* and returns the path. Raises ValueError where it is no base64."""
        try:
            content = base64.b64decode("".join(data.split()), validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
        return self._save(name, content)

    def save_text(self, name: str, text: str) -> str:
        return self._save(name, text.encode())

    def _save(self, name: str, content: bytes) -> str:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kube-thrift-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        # A new name each time: a connection that is being made may still read the old file.
        handle, path = tempfile.mkstemp(prefix=f"{name}.", dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return path
