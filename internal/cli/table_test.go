package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFit(t *testing.T) {
	const table = "NAME\tADDRESS\tBY\nVMware Silver network 1 (internet)\t172.17.52.1, fe80::1\treplication job\n  indented by two, and long\t\tx\n"
	for width, want := range map[int]string{
		80: table,
		50: "NAME\tADDRESS\tBY\nVMware Silver\t172.17.52.1,\treplication job\nnetwork 1\tfe80::1\t\n(internet)\t\t\n  indented by\t\tx\n  two, and long\t\t\n",
		20: table, // too narrow for three columns
	} {
		const before, after = "a line that is longer than any of the tables below, which stays\n", "another\tone\n"
		if got := fit(before+table+after, width); got != before+want+after {
			t.Errorf("at %d:\n%s", width, got)
		}
	}
}

// Whatever is in a table, it fits or it stays, and nothing of it is lost.
func TestFitKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(2, 6).Draw(t, "columns")
		cell := rapid.StringMatching(`( {0,3})([a-zé1-9.:-]{1,12} ?){0,8}`)
		table := rapid.SliceOfN(rapid.SliceOfN(cell, columns, columns), 1, 5).Draw(t, "table")
		text, cells, natural := "", make([]string, columns), make([]int, columns)
		for _, row := range table {
			text += strings.Join(row, "\t") + "\n"
			for i := range row {
				cells[i] += row[i]
				natural[i] = max(natural[i], utf8.RuneCountInString(row[i]))
			}
		}
		width := columnGap * (columns - 1)
		for _, n := range natural {
			width += n
		}
		width = max(1, width-rapid.IntRange(-2, 40).Draw(t, "too many"))
		fitted := fit(text, width)
		widths, got := make([]int, columns), make([]string, columns)
		for line := range strings.Lines(fitted) {
			for i, cell := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
				got[i] += cell
			}
		}
		total := columnGap * (columns - 1)
		for i := range columns {
			total += widths[i]
			if strings.ReplaceAll(got[i], " ", "") != strings.ReplaceAll(cells[i], " ", "") {
				t.Fatalf("column %d has %q, not %q", i, got[i], cells[i])
			}
		}
		if total > width && fitted != text {
			t.Fatalf("it has %d columns:\n%s", total, fitted)
		}
		if narrow := columns*narrowest + columnGap*(columns-1); total > width && width >= narrow {
			t.Fatalf("it could fit into %d:\n%s", width, fitted)
		}
	})
}
