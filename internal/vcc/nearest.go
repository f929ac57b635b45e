package vcc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxCompared is how many characters of a name count in a comparison, whose cost grows with their
// square.
const maxCompared = 64

// Nearest returns at most ten of the names, the most similar to name first: by the number of
// characters to insert, remove, replace or swap with a neighbour, upper and lower case being alike. Of
// long names the beginnings count. Names equally near keep their order.
func Nearest(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	compared := func(name string) []rune {
		runes := []rune(strings.ToLower(Shorten(name, maxCompared)))
		return runes[:min(len(runes), maxCompared)]
	}
	wanted := compared(name)
	candidates := make([]candidate, len(names))
	for i, n := range names {
		candidates[i] = candidate{n, distance(wanted, compared(n))}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	nearest := make([]string, min(len(names), MaxListed))
	for i := range nearest {
		nearest[i] = candidates[i].name
	}
	return nearest
}

// DidYouMean is the part of a message that follows "there is no ... NAME": the names that there
// are, the nearest to name first, and how many more. It is empty where there are none.
func DidYouMean(name string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	nearest := Nearest(name, names)
	quoted := make([]string, len(nearest))
	for i, n := range nearest {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	text := "did you mean " + strings.Join(quoted, ", ")
	if more := len(names) - len(nearest); more > 0 {
		text += fmt.Sprintf(", or one of %d more", more)
	}
	return text + "?"
}

// distance is the number of edits that make b of a, a swap of neighbours being one (the optimal
// string alignment distance).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
