package cli

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// The scripts ask the program, through the hidden command __complete, so that they fit every version of it.
//
//go:embed completion
var completionScripts embed.FS

type completionCmd struct {
	fileCommand
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says what to do with the script.
func (completionCmd) Help() string {
	return "bash, in ~/.bashrc:\n  source <(" + programName + " completion bash)\n" +
		"zsh, in ~/.zshrc, below compinit:\n  source <(" + programName + " completion zsh)\n" +
		"fish, in ~/.config/fish/config.fish:\n  " + programName + " completion fish | source"
}

// Run prints the script.
func (c completionCmd) Run(s *session) error {
	script, err := completionScripts.ReadFile("completion/" + c.Shell)
	if err != nil {
		return err
	}
	_, err = s.stdout.Write(script)
	return err
}

// completeCmd answers the scripts. Its arguments are the words behind the program's name up to the one that is being
// typed, which is the last. It prints what that can be, a line each, with a tab and what it means; or a line that has
// the shell complete names of files or of folders.
type completeCmd struct {
	fileCommand
	Words []string `arg:"" optional:""`
}

// Every command has this flag.
const (
	helpFlag     = "help"
	helpFlagHelp = "Show what a command does."
)

const (
	completeFiles   = ":files"
	completeFolders = ":folders"
)

// Run prints the candidates.
func (c completeCmd) Run(s *session, command *kong.Context) error {
	for _, candidate := range complete(command.Model.Node, c.Words) {
		if _, err := fmt.Fprintln(s.stdout, candidate); err != nil {
			return err
		}
	}
	return nil
}

// complete returns the lines that completeCmd prints.
func complete(root *kong.Node, words []string) []string {
	words = joined(words)
	if len(words) == 0 {
		return nil
	}
	last := len(words) - 1
	node, arguments, flags := root, 0, true
	given := map[string]bool{}
	for i := 0; i < last; i++ {
		word := words[i]
		if name, isFlag := strings.CutPrefix(word, "--"); flags && isFlag {
			if name == "" {
				flags = false
				continue
			}
			name, _, withValue := strings.Cut(name, "=")
			given[name] = true
			if flag := flagNamed(node, name); flag != nil && !flag.IsBool() && !withValue {
				if i++; i == last {
					return values(flag.Value, words[last])
				}
			}
			continue
		}
		child := slices.IndexFunc(shown(node.Children), func(c *kong.Node) bool { return c.Name == word })
		switch {
		case child < 0:
			arguments++
		case node == root && word == "help": // what follows are commands, too
		default:
			node = shown(node.Children)[child]
		}
	}
	typed := words[last]
	if name, isFlag := strings.CutPrefix(typed, "--"); flags && isFlag {
		if name, value, withValue := strings.Cut(name, "="); withValue {
			if flag := flagNamed(node, name); flag != nil {
				return values(flag.Value, value)
			}
			return nil
		}
	}
	if flags && strings.HasPrefix(typed, "-") {
		return flagCandidates(node, typed, given)
	}
	var lines []string
	for _, child := range shown(node.Children) {
		lines = add(lines, typed, child.Name, child.Help)
	}
	if n := len(node.Positional); n > 0 && len(lines) == 0 {
		if argument := node.Positional[min(arguments, n-1)]; arguments < n || argument.IsCumulative() {
			return values(argument, typed)
		}
	}
	return lines
}

func flagCandidates(node *kong.Node, typed string, given map[string]bool) (lines []string) {
	own, shared := flagsOf(node)
	for _, flag := range append(own, shared...) {
		if flag.Name != helpFlag && (!given[flag.Name] || flag.IsCumulative()) {
			lines = add(lines, typed, "--"+flag.Name, flag.Help)
		}
	}
	return add(lines, typed, "--"+helpFlag, helpFlagHelp)
}

func flagNamed(node *kong.Node, name string) *kong.Flag {
	own, shared := flagsOf(node)
	for _, flag := range append(own, shared...) {
		if flag.Name == name {
			return flag
		}
	}
	return nil
}

// values are what can stand for a flag's value or an argument.
func values(value *kong.Value, typed string) (lines []string) {
	stands := value.Tag.PlaceHolder
	switch stands {
	case "FILE":
		return []string{completeFiles}
	case "DIR":
		return []string{completeFolders}
	}
	choices := strings.Split(value.Tag.Enum, ",")
	if strings.Contains(stands, "|") {
		choices = strings.Split(stands, "|")
	}
	for _, choice := range choices {
		if choice != "" {
			lines = add(lines, typed, choice, "")
		}
	}
	return lines
}

// add adds a line for what begins with what was typed.
func add(lines []string, typed, value, help string) []string {
	const most = 60 // of what it means
	if !strings.HasPrefix(value, typed) {
		return lines
	}
	help = strings.TrimSuffix(firstSentence(help), ".")
	if utf8.RuneCountInString(help) > most {
		help = strings.TrimRight(string([]rune(help)[:most-1]), " ") + "…"
	}
	return append(lines, strings.TrimSuffix(value+"\t"+help, "\t"))
}

// joined undoes how bash breaks words at the characters = : and @.
func joined(words []string) (whole []string) {
	glue := false
	for i, word := range words {
		breaks := i > 0 && word != "" && strings.Trim(word, "=:@") == ""
		if (breaks || glue) && len(whole) > 0 {
			whole[len(whole)-1] += word
		} else {
			whole = append(whole, word)
		}
		glue = breaks
	}
	return whole
}
