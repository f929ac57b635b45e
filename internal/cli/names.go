package cli

import "github.com/alecthomas/kong"

// Names lists the commands and groups of commands as people type them, without the program's name, each group
// before what is in it: "backend", "backend networks", "backend gateway", "backend gateway list" and so on. "--help"
// behind a name prints its help.
func Names() ([]string, error) {
	// The variables stand in texts of help, which nobody reads here.
	parser, err := kong.New(&commands{}, kong.Name(programName), kong.Vars{"version": "", "developmentVersion": ""})
	if err != nil {
		return nil, err
	}
	var names []string
	var walk func(node *kong.Node, above string)
	walk = func(node *kong.Node, above string) {
		for _, child := range node.Children {
			if child.Hidden || child.Type != kong.CommandNode {
				continue
			}
			names = append(names, above+child.Name)
			walk(child, above+child.Name+" ")
		}
	}
	walk(parser.Model.Node, "")
	return names, nil
}
