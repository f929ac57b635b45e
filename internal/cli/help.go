package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// programName is what people type.
const programName = "terraform-provider-vcc"

// maxHelpWidth is how wide a help is at most: longer lines read badly.
const maxHelpWidth = 80

type helpCmd struct {
	fileCommand
	Command []string `arg:"" optional:"" help:"The command, such as: backend gateway set."`
}

// Run shows the help that the command shows of itself.
func (c helpCmd) Run(s *session) error {
	if status := Run(s.ctx, append(slices.Clone(c.Command), "--help"), s.stdin, s.stdout, s.stderr, s.version); status != exitDone {
		return exitStatus(status)
	}
	return nil
}

type versionCmd struct{ fileCommand }

// Run prints the version, as the flag does.
func (versionCmd) Run(s *session) error {
	_, err := fmt.Fprintln(s.stdout, s.version)
	return err
}

// help prints the help of a command: its own flags with what they mean, and the flags of all commands by their names.
func help(options kong.HelpOptions, command *kong.Context) error {
	node := command.Selected()
	if node == nil {
		node = command.Model.Node
	}
	h := &helpText{width: maxHelpWidth}
	if width := terminalWidth(command.Stdout); width > 0 {
		h.width = min(width, maxHelpWidth)
	}
	own, shared := flagsOf(node)
	usage := strings.Fields(programName + " " + node.Summary())
	if len(own)+len(shared) == 0 {
		usage = slices.DeleteFunc(usage, func(word string) bool { return word == "[flags]" })
	}
	h.hanging("Usage: ", usage)
	for _, text := range []string{node.Help, node.Detail} {
		if text != "" {
			h.line("")
			for line := range strings.Lines(text) {
				words := strings.TrimLeft(line, " ")
				h.hanging(line[:len(line)-len(words)], strings.Fields(words))
			}
		}
	}
	h.table("Arguments:", rowsOf(node.Positional, func(a *kong.Positional) [2]string { return [2]string{a.Summary(), options.ValueFormatter(a)} }))
	h.table("Commands:", rowsOf(shown(node.Children), func(c *kong.Node) [2]string { return [2]string{withArguments(c), firstSentence(c.Help)} }))
	h.table("Flags:", rowsOf(own, func(f *kong.Flag) [2]string { return [2]string{f.String(), options.ValueFormatter(f.Value)} }))
	if len(shared) > 0 {
		h.line("")
		h.hanging("", strings.Fields("Shared flags, see "+programName+" backend --help:"))
		h.hanging("  ", rowsOf(shared, (*kong.Flag).String))
	}
	_, err := io.WriteString(command.Stdout, h.text.String())
	return err
}

func rowsOf[T, R any](list []T, of func(T) R) []R {
	rows := make([]R, len(list))
	for i, entry := range list {
		rows[i] = of(entry)
	}
	return rows
}

// shown are the commands that people are told of.
func shown(commands []*kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(commands), func(c *kong.Node) bool { return c.Hidden })
}

// sharedFlagsOf returns the flags of the groups that a command is in. What every program has (help, version) is
// nobody's but the program's.
func sharedFlagsOf(node *kong.Node) (shared []*kong.Flag) {
	for group := node.Parent; group != nil && group.Parent != nil; group = group.Parent {
		shared = append(shared, group.Flags...)
	}
	return shared
}

// flagsOf returns the flags that have a meaning for a command: its own, and those that it shares.
func flagsOf(node *kong.Node) (own, shared []*kong.Flag) {
	shared = sharedFlagsOf(node)
	if c, ok := commandOf(node).(fewFlags); ok {
		shared = slices.DeleteFunc(shared, func(f *kong.Flag) bool { return !slices.Contains(c.sharedFlags(), f.Name) })
	}
	return node.Flags, shared
}

// withArguments is a command as the list of its group has it.
func withArguments(command *kong.Node) string {
	return strings.Join(append([]string{command.Name}, rowsOf(command.Positional, (*kong.Positional).Summary)...), " ")
}

// firstSentence is what a list says of a command.
func firstSentence(text string) string {
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}

// helpText is a text of lines that are not longer than a width, as far as words allow.
type helpText struct {
	width int
	text  strings.Builder
}

func (h *helpText) line(text string) { h.text.WriteString(strings.TrimRight(text, " ") + "\n") }

// hanging writes words behind a beginning, under whose end the lines after the first one begin.
func (h *helpText) hanging(beginning string, words []string) {
	indent := utf8.RuneCountInString(beginning)
	for i, line := range wrap(words, h.width-indent) {
		if i > 0 {
			beginning = strings.Repeat(" ", indent)
		}
		h.line(beginning + line)
	}
}

// table writes names with what they mean.
func (h *helpText) table(title string, rows [][2]string) {
	const indent, gap, widest = 2, 2, 28
	if len(rows) == 0 {
		return
	}
	h.line("")
	h.line(title)
	left := 0
	for _, row := range rows {
		if n := len(row[0]); n <= widest {
			left = max(left, n)
		}
	}
	for _, row := range rows {
		name := strings.Repeat(" ", indent) + row[0]
		if len(row[0]) > left {
			h.line(name)
			name = ""
		}
		h.hanging(fmt.Sprintf("%-*s", indent+left+gap, name), strings.Fields(row[1]))
	}
}

// wrap joins words to lines of at most a width; a longer word has a line to itself.
func wrap(words []string, width int) []string {
	lines := []string{""}
	for i, word := range words {
		last := &lines[len(lines)-1]
		switch {
		case i == 0:
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

// wrongUsage says what is wrong with a command line, and where the help is.
func wrongUsage(model *kong.Application, err error) string {
	node := model.Node
	parse := new(kong.ParseError)
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		node = parse.Context.Selected()
	}
	text := err.Error()
	if flag, _, near := strings.Cut(text, ", did you mean "); near && len(flag) == len("unknown flag -x") {
		text = flag // any other letter is as near
	}
	if word, ok := strings.CutPrefix(text, "unexpected argument "); ok && len(node.Children) > 0 {
		word, near, found := strings.Cut(word, ", did you mean ")
		text = fmt.Sprintf("there is no command %q", word)
		if path := node.Path(); path != "" {
			text += " in " + path
		}
		if elsewhere := named(model.Node, word); found {
			text += "; did you mean " + near
		} else if len(elsewhere) > 0 {
			text += "; did you mean " + strings.Join(elsewhere, ", ") + "?"
		}
	}
	if !strings.HasSuffix(text, "?") {
		text += "."
	}
	return fmt.Sprintf("%s See: %s --help", text, node.FullPath())
}

// named are the commands of a name, wherever they are, in quotes.
func named(node *kong.Node, name string) (paths []string) {
	for _, child := range shown(node.Children) {
		if child.Name == name {
			paths = append(paths, fmt.Sprintf("%q", child.Path()))
		}
		paths = append(paths, named(child, name)...)
	}
	return paths
}
