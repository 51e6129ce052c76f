# bash completion of sluice, written from its table of commands: `sluice completion bash`
_sluice()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=serve
    local commands= verbs= options= files= folders= values= argument= words=
    commands="serve status top tail find report healthcheck sql schema setup journal dead-letters rejects key engine version completion manual help"
    if ((COMP_CWORD > 1)) && [[ " $commands " == *" ${COMP_WORDS[1]} "* ]]; then
        command=${COMP_WORDS[1]}
    fi
    case $command in
    serve)
        verbs=""
        options="--config --check --example --options"
        files="--config"
        folders=""
        values=""
        argument=
        ;;
    status)
        verbs=""
        options="--config --url --key-file --ca-file --certificate --certificate-key --json"
        files="--config --key-file --ca-file --certificate --certificate-key"
        folders=""
        values="--url"
        argument=
        ;;
    top)
        verbs=""
        options="--config --url --key-file --ca-file --certificate --certificate-key --interval --once"
        files="--config --key-file --ca-file --certificate --certificate-key"
        folders=""
        values="--url --interval"
        argument=
        ;;
    tail)
        verbs=""
        options="--config --url --key-file --ca-file --certificate --certificate-key --stream --rejected --accepted --json --count"
        files="--config --key-file --ca-file --certificate --certificate-key"
        folders=""
        values="--url --stream --count"
        argument=
        ;;
    find)
        verbs=""
        options="--config --url --key-file --ca-file --certificate --certificate-key --stream --json"
        files="--config --key-file --ca-file --certificate --certificate-key"
        folders=""
        values="--url --stream"
        argument=
        ;;
    report)
        verbs=""
        options="--config --url --key-file --ca-file --certificate --certificate-key --json"
        files="--config --key-file --ca-file --certificate --certificate-key"
        folders=""
        values="--url"
        argument=
        ;;
    healthcheck)
        verbs=""
        options="--config --url --key-file --ca-file --certificate --certificate-key --live --timeout"
        files="--config --key-file --ca-file --certificate --certificate-key"
        folders=""
        values="--url --timeout"
        argument=
        ;;
    sql)
        verbs=""
        options="--config --format --write"
        files="--config"
        folders=""
        values="--format"
        argument=
        ;;
    schema)
        verbs="print"
        options="--config --replicated --on-cluster --server"
        files="--config"
        folders=""
        values="--on-cluster --server"
        argument=
        ;;
    setup)
        verbs=""
        options="--config"
        files="--config"
        folders=""
        values=""
        argument=
        ;;
    journal)
        verbs="ls cat verify"
        options=""
        files=""
        folders=""
        values=""
        argument=folder
        ;;
    dead-letters)
        verbs="list retry drop"
        options="--all"
        files=""
        folders=""
        values=""
        argument=folder
        ;;
    rejects)
        verbs="list show retry drop"
        options="--stream --code --field --all --cut --wait"
        files=""
        folders=""
        values="--stream --code --field --wait"
        argument=folder
        ;;
    key)
        verbs="new check list"
        options="--config --name --scopes --streams --origins --expires --subject"
        files="--config"
        folders=""
        values="--name --scopes --streams --origins --expires --subject"
        argument=
        ;;
    engine)
        verbs="install status"
        options="--folder --from"
        files="--from"
        folders="--folder"
        values=""
        argument=
        ;;
    version)
        verbs=""
        options=""
        files=""
        folders=""
        values=""
        argument=
        ;;
    completion)
        verbs="bash zsh"
        options=""
        files=""
        folders=""
        values=""
        argument=
        ;;
    manual)
        verbs="sluice sluice.yaml"
        options=""
        files=""
        folders=""
        values=""
        argument=
        ;;
    help)
        verbs=""
        options=""
        files=""
        folders=""
        values=""
        argument=command
        ;;
    esac
    COMPREPLY=()
    if [[ " $files " == *" $previous "* ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [[ " $folders " == *" $previous "* ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
    elif [[ " $values " == *" $previous "* ]]; then
        return
    elif ((COMP_CWORD == 1)); then
        words="$commands $options --version --help"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$current")
    elif [[ -n $verbs && $COMP_CWORD -eq 2 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
    elif [[ $argument == command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    elif [[ $argument == folder ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
    fi
}
complete -F _sluice sluice
