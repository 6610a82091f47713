"""The completion scripts of `kubectl-thrift`, the name with a hyphen. Text only: what completes is `kubectl_complete-thrift`.

`kubectl thrift` needs none of them: kubectl asks the same program by itself.
"""

from __future__ import annotations

# bash splits words at = and :, the program wants them whole; of `--namespace=sh` bash replaces only what follows the sign.
_BASH = r"""# bash completion for kubectl-thrift
_kubectl_thrift() {
    local word joined='' out directive line
    local -a words=()
    local i
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#words[@]} -gt 0 && ( $word == [=:] || $joined ) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        [[ $word == [=:] ]] && joined=yes || joined=''
    done
    COMPREPLY=()
    out=$(kubectl_complete-thrift "${words[@]}" 2>/dev/null) || return
    directive=${out##*:}
    ((directive & 1)) && return
    local typed=${words[${#words[@]} - 1]} cut=''
    [[ $typed == *=* && $COMP_WORDBREAKS == *=* ]] && cut=${typed%"${typed##*=}"}
    while IFS= read -r line; do
        [[ $line == :* || -z $line ]] && continue
        line=${line%%$'\t'*}
        COMPREPLY+=("${line#"$cut"}")
    done <<<"$out"
    ((directive & 4)) || compopt -o default 2>/dev/null
}
complete -F _kubectl_thrift kubectl-thrift
"""

_ZSH = r"""#compdef kubectl-thrift
_kubectl-thrift() {
    local out line directive=1
    local -a completions
    out=$(kubectl_complete-thrift "${(@)words[2,CURRENT]}" 2>/dev/null) || return 1
    for line in "${(@f)out}"; do
        if [[ $line == :* ]]; then
            directive=${line#:}
        elif [[ -n $line ]]; then
            completions+=("${${line//:/\\:}/$'\t'/:}")
        fi
    done
    (( directive & 1 )) && return 1
    (( ${#completions} )) && _describe 'kubectl thrift' completions && return 0
    (( directive & 4 )) || _files
}
compdef _kubectl-thrift kubectl-thrift
"""

_FISH = r"""# fish completion for kubectl-thrift
function __kubectl_thrift_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (kubectl_complete-thrift $words[2..-1] 2>/dev/null)
        string match -q ':*' -- $line; or echo $line
    end
end
complete -c kubectl-thrift -f -a '(__kubectl_thrift_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
