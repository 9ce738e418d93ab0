// Each asks the program itself what may stand there, word by word and never by `eval`: what is typed is not run before it is entered.
// A line of the answer is a value, a tab, and what it is; `:files` stands for the shell's own files.

export type Shell = 'bash' | 'zsh' | 'fish'

export const SCRIPTS: Readonly<Record<Shell, string>> = {
  // It goes with the bash 3.2 of macOS, and needs no bash-completion. Bash cuts words at `=`, so that they are put together again.
  bash: String.raw`# In ~/.bashrc: eval "$(strongroom completion bash)"
_strongroom() {
  local words=() word line prefix='' i n
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    n=\${#words[@]}
    if ((n > 0)) && [[ (\$word == '=' && \${words[n-1]} == --* ) || \${words[n-1]} == --*= ]]; then
      words[n-1]+=\$word
    else
      words[n]=\$word
    fi
  done
  word=\${words[\${#words[@]}-1]}
  [[ \$word == --*=* ]] && prefix=\${word%%=*}=
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ \$line == ':files' ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("\$line"); done < <(compgen -f -- "\${word#"\$prefix"}")
    else
      line=\${line%%\$'\t'*}
      COMPREPLY+=("\${line#"\$prefix"}")
    fi
  done < <(strongroom __complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _strongroom strongroom
`.replaceAll('\\$', '$'),
  zsh: String.raw`#compdef strongroom
# In ~/.zshrc, after compinit: eval "$(strongroom completion zsh)"
_strongroom() {
  local line files=0
  local -a values
  while IFS= read -r line; do
    if [[ \$line == ':files' ]]; then
      files=1
    else
      values+=("\${\${line%%\$'\t'*}//:/\\:}:\${line#*\$'\t'}")
    fi
  done < <(strongroom __complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  ((\${#values})) && _describe 'strongroom' values
  if ((files)); then
    compset -P '--*='
    _files
  fi
}
if [[ \${funcstack[1]} == _strongroom ]]; then _strongroom; else compdef _strongroom strongroom; fi
`.replaceAll('\\$', '$'),
  fish: String.raw`# strongroom completion fish > ~/.config/fish/completions/strongroom.fish
function __strongroom_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -e words[1]
    for line in (strongroom __complete -- \$words "\$current" 2>/dev/null)
        if test "\$line" = ':files'
            __fish_complete_path "\$current"
        else
            echo \$line
        end
    end
end
complete -c strongroom -f -a '(__strongroom_complete)'
`.replaceAll('\\$', '$'),
}
