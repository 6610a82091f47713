"""A small stand-in for the AWS Pricing API, over real HTTP: it speaks the JSON 1.1 wire format of GetProducts and refuses what
the real service refuses (a missing ServiceCode, an unknown or wrongly spelled filter field, more than 100 results a page).

    with PricingStandIn(products) as pricing:
        boto3.client("pricing", endpoint_url=pricing.url, ...)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TARGET = "AWSPriceListService.GetProducts"
FILTER_TYPES = {"TERM_MATCH", "EQUALS", "CONTAINS", "ANY_OF", "NONE_OF"}
MAX_RESULTS = 100
MAX_FILTERS = 50
# The attribute names of AmazonEC2 products, in their exact spelling.
FIELD_NAMES = """
ServiceCode termType productFamily servicecode servicename location locationType regionCode availabilityzone
instanceType currentGeneration instanceFamily vcpu physicalProcessor clockSpeed memory storage networkPerformance
processorArchitecture tenancy operatingSystem licenseModel usagetype operation capacitystatus preInstalledSw
marketoption classicnetworkingsupport ecu enhancedNetworkingSupported gpu gpuMemory intelAvxAvailable intelAvx2Available
intelTurboAvailable normalizationSizeFactor processorFeatures vpcnetworkingsupport dedicatedEbsThroughput ebsOptimized
physicalCores instancesku volumeType volumeApiName storageMedia maxIopsvolume maxThroughputvolume maxVolumeSize group
groupDescription resourceType transferType fromLocation toLocation fromLocationType toLocationType provisioned instance
LeaseContractLength PurchaseOption OfferingClass
"""
FIELDS = frozenset(FIELD_NAMES.split())


class Refusal(Exception):
    """An answer that is an error: the service's code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def product(instance_type: str, usd: float, *, currency: str = "USD", **attributes: str) -> dict[str, Any]:
    """One offer as the service describes it: shared Linux in eu-central-1 unless *attributes* say otherwise."""
    described = {
        "instanceType": instance_type,
        "regionCode": "eu-central-1",
        "location": "EU (Frankfurt)",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "servicecode": "AmazonEC2",
    } | attributes
    family = described.pop("productFamily", "Compute Instance")
    dimension = {"unit": "Hrs", "description": f"{usd} per hour", "pricePerUnit": {currency: f"{usd:.10f}"}}
    term = {"offerTermCode": "JRTCKXETXF", "priceDimensions": {"SKU.JRTCKXETXF.6YS6EN2CT7": dimension}, "termAttributes": {}}
    return {
        "product": {"productFamily": family, "attributes": described, "sku": "SKU"},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {"SKU.JRTCKXETXF": term}, "Reserved": {}},
        "version": "20261120",
    }


@dataclass
class PricingStandIn:
    """The server. `products` is its catalogue, `requests` the bodies it was sent, `refuse` an error for every call."""

    products: Sequence[dict[str, Any]]
    refuse: Refusal | None = None
    max_page: int = MAX_RESULTS
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> PricingStandIn:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, target: str, authorization: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to one call. Raises Refusal."""
        if target != TARGET:
            raise Refusal("UnknownOperationException", "")
        if "/pricing/aws4_request" not in authorization:
            raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        self.requests.append(body)
        if self.refuse is not None:
            raise self.refuse
        limit = self._limit(body)
        filters = self._filters(body)
        start = self._start(body)
        matching = [offer for offer in self.products if all(_matches(offer, one) for one in filters)]
        page = matching[start : start + limit]
        answer: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(offer) for offer in page]}
        if start + limit < len(matching):
            answer["NextToken"] = f"page:{start + limit}"
        return answer

    def _limit(self, body: dict[str, Any]) -> int:
        if body.get("ServiceCode") != "AmazonEC2":
            raise Refusal("InvalidParameterException", "Input Parameters are invalid. ServiceCode is required.")
        if body.get("FormatVersion", "aws_v1") != "aws_v1":
            raise Refusal("InvalidParameterException", "Input Parameters are invalid. FormatVersion must be aws_v1.")
        limit = body.get("MaxResults", MAX_RESULTS)
        if not isinstance(limit, int) or not 1 <= limit <= MAX_RESULTS:
            raise Refusal("InvalidParameterException", f"MaxResults must be between 1 and {MAX_RESULTS}.")
        return min(limit, self.max_page)

    def _filters(self, body: dict[str, Any]) -> list[dict[str, str]]:
        filters = body.get("Filters", [])
        if len(filters) > MAX_FILTERS:
            raise Refusal("InvalidParameterException", "Too many filters.")
        for one in filters:
            if set(one) != {"Type", "Field", "Value"} or one["Type"] not in FILTER_TYPES:
                raise Refusal("InvalidParameterException", f"Input Parameters are invalid: {one}")
            if one["Field"] not in FIELDS:
                raise Refusal("InvalidParameterException", f"Input Parameters are invalid. Unknown field {one['Field']!r}.")
        return list(filters)

    @staticmethod
    def _start(body: dict[str, Any]) -> int:
        token = body.get("NextToken")
        if token is None:
            return 0
        prefix, _, number = str(token).partition(":")
        if prefix != "page" or not number.isdigit():
            raise Refusal("InvalidNextTokenException", "The pagination token is invalid. Try again without one.")
        return int(number)


def _matches(offer: dict[str, Any], one: dict[str, str]) -> bool:
    attributes = offer["product"]["attributes"] | {
        "productFamily": offer["product"]["productFamily"],
        "ServiceCode": offer["serviceCode"],
    }
    return str(attributes.get(one["Field"])) == one["Value"]


def _handler(standin: PricingStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                if self.headers.get("Content-Type") != "application/x-amz-json-1.1":
                    raise Refusal("UnknownOperationException", "")
                target, signature = self.headers.get("X-Amz-Target", ""), self.headers.get("Authorization", "")
                self._reply(200, standin.answer(target, signature, json.loads(raw or b"{}")))
            except Refusal as refusal:
                self._reply(refusal.status, {"__type": refusal.code, "message": str(refusal)})

        def _reply(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests are quiet."""

    return Handler
