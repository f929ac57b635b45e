package cli

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	columnGap = 2
	// narrowest is what a column keeps at least.
	narrowest = 10
)

// fit breaks the cells of tables that are wider than a terminal into lines. Tables are adjacent lines with the same
// number of tabs; other lines stay. A table that does not fit even so stays as it is, and the terminal breaks its lines.
func fit(text string, width int) string {
	var fitted strings.Builder
	var table [][]string
	flush := func() {
		for _, row := range fitTable(table, width) {
			fitted.WriteString(strings.Join(row, "\t") + "\n")
		}
		table = nil
	}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(table) > 0 && len(table[0]) != len(cells) {
			flush()
		}
		if len(cells) == 1 {
			fitted.WriteString(line)
			continue
		}
		table = append(table, cells)
	}
	flush()
	return fitted.String()
}

func fitTable(rows [][]string, width int) [][]string {
	if len(rows) == 0 {
		return nil
	}
	// widths are those of the columns, words those of their longest words.
	widths, words := make([]int, len(rows[0])), make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			for _, word := range strings.Fields(cell) {
				words[i] = max(words[i], utf8.RuneCountInString(word))
			}
		}
	}
	over := columnGap*(len(widths)-1) - width
	for _, w := range widths {
		over += w
	}
	if over <= 0 {
		return rows
	}
	// Between words first, and within them only if that is not enough.
	over = shrink(widths, over, func(i int) int { return max(words[i], narrowest) })
	if over = shrink(widths, over, func(int) int { return narrowest }); over > 0 {
		return rows
	}
	var fitted [][]string
	for _, row := range rows {
		cells, height := make([][]string, len(row)), 1
		for i, cell := range row {
			cells[i] = wrapCell(cell, widths[i])
			height = max(height, len(cells[i]))
		}
		for line := range height {
			broken := make([]string, len(row))
			for i := range row {
				if line < len(cells[i]) {
					broken[i] = cells[i][line]
				}
			}
			fitted = append(fitted, broken)
		}
	}
	return fitted
}

// shrink takes from the widest columns, down to a least width, and returns what is still to be taken.
func shrink(widths []int, over int, least func(int) int) int {
	for ; over > 0; over-- {
		widest := -1
		for i, w := range widths {
			if w > least(i) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return over
}

// wrapCell breaks a cell into lines of a width, with what it is indented by before each.
func wrapCell(cell string, width int) []string {
	if utf8.RuneCountInString(cell) <= width {
		return []string{cell}
	}
	text := strings.TrimLeft(cell, " ")
	indent := strings.Repeat(" ", min(len(cell)-len(text), width/2))
	width -= len(indent)
	var words []string
	for _, word := range strings.Fields(text) {
		for part := range slices.Chunk([]rune(word), width) {
			words = append(words, string(part))
		}
	}
	lines := wrap(words, width)
	for i := range lines {
		lines[i] = indent + lines[i]
	}
	return lines
}
