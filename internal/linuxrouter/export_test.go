package linuxrouter

import (
	"fmt"
	"strings"
)

// Ruleset is ruleset.nft.
var Ruleset = rulesetText

// ElementsText writes the elements of a plan as commands for nft -f.
func ElementsText(p *Plan) string {
	var b strings.Builder
	written := map[string][]string{}
	all := p.Elements
	for _, l := range p.Links {
		all = append(all[:len(all):len(all)], l.Elements...)
	}
	for _, e := range all {
		s := setOf(e)
		text := p.components(e.Key, s.key)
		if s.interval {
			text += "-" + p.components(lastIn(e, s), s.key)
		}
		if len(s.value) > 0 {
			text += " : " + p.components(e.Value, s.value)
		}
		written[e.Set] = append(written[e.Set], text)
	}
	for _, s := range theRuleset().sets {
		if len(written[s.name]) > 0 {
			fmt.Fprintf(&b, "add element inet %s %s { %s }\n", theRuleset().table, s.name, strings.Join(written[s.name], ", "))
		}
	}
	return b.String()
}

// lastIn returns the last address of an interval.
func lastIn(e Element, s setDeclaration) string {
	if e.End == "" {
		return strings.Repeat("\xff", len(e.Key))
	}
	b := []byte(e.End)
	for i := len(b) - 1; ; i-- {
		b[i]--
		if b[i] != 0xff {
			return string(b)
		}
	}
}
