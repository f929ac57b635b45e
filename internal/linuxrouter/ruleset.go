package linuxrouter

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed ruleset.nft
var rulesetText string

// ruleset is ruleset.nft in its parts.
type ruleset struct {
	table  string
	sets   []setDeclaration
	chains []chainDeclaration
}

// setDeclaration declares a set, or a map if it has values. Keys and values have one type or
// a concatenation of several.
type setDeclaration struct {
	name       string
	key, value []string
	interval   bool
}

// chainDeclaration declares a chain. hook is its "type …; policy …;" line, which only base chains have.
type chainDeclaration struct {
	name, hook string
	rules      []string
}

// theRuleset is ruleset.nft. It is the same for every router.
var theRuleset = sync.OnceValue(func() *ruleset {
	r, err := parseRuleset(rulesetText)
	if err != nil {
		panic(err) // the tests see to it that it never happens
	}
	return r
})

// parseRuleset reads as much of the language of nft as ruleset.nft needs: one declaration of a
// set or a rule in each line.
func parseRuleset(text string) (*ruleset, error) {
	r := &ruleset{}
	var chain *chainDeclaration
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "table" && len(words) == 4:
			r.table = words[2]
		case (words[0] == "set" || words[0] == "map") && len(words) > 3:
			s, err := parseSet(words)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			r.sets = append(r.sets, s)
		case words[0] == "chain" && len(words) == 3:
			r.chains = append(r.chains, chainDeclaration{name: words[1]})
			chain = &r.chains[len(r.chains)-1]
		case words[0] == "}":
			chain = nil
		case chain == nil:
			return nil, fmt.Errorf("line %d: %q is outside of a chain", i+1, line)
		case words[0] == "type":
			chain.hook = strings.TrimSpace(line)
		default:
			chain.rules = append(chain.rules, strings.TrimSpace(line))
		}
	}
	return r, nil
}

// parseSet reads "set NAME { type A . B : C . D; flags interval; }".
func parseSet(words []string) (setDeclaration, error) {
	s := setDeclaration{name: words[1]}
	inside := strings.Trim(strings.Join(words[2:], " "), "{} ")
	for _, part := range strings.Split(strings.TrimSuffix(inside, ";"), ";") {
		kind, rest, _ := strings.Cut(strings.TrimSpace(part), " ")
		switch kind {
		case "type":
			key, value, isMap := strings.Cut(rest, " : ")
			s.key = strings.Split(key, " . ")
			if isMap {
				s.value = strings.Split(value, " . ")
			}
		case "flags":
			s.interval = rest == "interval"
		default:
			return s, fmt.Errorf("%q is no part of a set", part)
		}
	}
	return s, nil
}
