package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// terminalOf returns the terminal that a stream is, nil for none.
func terminalOf(stream any) *os.File {
	if file, ok := stream.(*os.File); ok && term.IsTerminal(int(file.Fd())) { //nolint:gosec // a small number
		return file
	}
	return nil
}

// terminalWidth returns the width of the terminal that a stream is, 0 for none.
func terminalWidth(stream any) int {
	terminal := terminalOf(stream)
	if terminal == nil {
		return 0
	}
	width, _, err := term.GetSize(int(terminal.Fd())) //nolint:gosec // a small number
	if err != nil {
		return 0
	}
	return width
}

// coloured reports whether a stream is a terminal that wants colours: no-color.org has the variable NO_COLOR.
func coloured(stream any) bool {
	terminal := terminalOf(stream)
	return terminal != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && takesColours(terminal)
}

// colours are those of words at the beginning of a line, which say the same without them.
var colours = map[string]string{
	"Error:": red, "Problem:": red, "not reachable:": red, "NOT ": red, "would break ": red, "Would break,": red,
	"Warning:": yellow,
}

// The colours, as terminals take them.
const (
	red     = "\x1b[31m"
	yellow  = "\x1b[33m"
	noColor = "\x1b[0m"
)

// paint colours the word that a line begins with, if it has a colour.
func paint(line string) string {
	for word, colour := range colours {
		if strings.HasPrefix(line, word) {
			word = strings.TrimSuffix(word, " ")
			return colour + word + noColor + line[len(word):]
		}
	}
	return line
}

// tell writes a line to people, such as a warning.
func tell(w io.Writer, line string) {
	line = vcc.PrintableLines(line)
	if coloured(w) {
		line = paint(line)
	}
	_, _ = fmt.Fprintln(w, line)
}

// What takes longer than progressAfter is told of, and then again at each progressEvery.
const (
	progressAfter = 2 * time.Second
	progressEvery = 500 * time.Millisecond
)

// during does something. Where it takes long, a line at the terminal says what, for how long, and how much is done;
// the line is gone at the end. Where the standard error stream is no terminal, there is none.
func (s *session) during(what string, done func() string, do func() error) error {
	if terminalOf(s.stderr) == nil {
		return do()
	}
	end := progress(s.stderr, func() int { return terminalWidth(s.stderr) }, what, done)
	defer end()
	return do()
}

// progress shows what is done until end is called.
func progress(w io.Writer, width func() int, what string, done func() string) (end func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	begin := time.Now()
	go func() {
		defer close(stopped)
		shown := 0
		show := func(text string) {
			_, _ = fmt.Fprintf(w, "\r%s%s", text, strings.Repeat(" ", max(0, shown-utf8.RuneCountInString(text))))
			shown = utf8.RuneCountInString(text)
		}
		timer := time.NewTimer(progressAfter)
		defer timer.Stop()
		for {
			select {
			case <-stop:
				if shown > 0 {
					show("")
					_, _ = io.WriteString(w, "\r")
				}
				return
			case <-timer.C:
				text := fmt.Sprintf("%s: %s%d s", vcc.Printable(what), done(), int(time.Since(begin).Seconds()))
				if most := width() - 1; most > 0 && utf8.RuneCountInString(text) > most {
					text = string([]rune(text)[:most])
				}
				show(text)
				timer.Reset(progressEvery)
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// nothingCounted is how much is done where nobody can say.
func nothingCounted() string { return "" }

// counter counts the bytes that pass.
type counter struct {
	io.Reader
	io.Writer
	passed atomic.Int64
	total  int64 // 0 if it is not known
}

// Read counts what is read.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.passed.Add(int64(n))
	return n, err
}

// Write counts what is written.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.passed.Add(int64(n))
	return n, err
}

// done says how much has passed.
func (c *counter) done() string {
	passed := c.passed.Load()
	if c.total > 0 {
		return fmt.Sprintf("%d%% of %s, ", min(100, 100*passed/c.total), byteText(uint64(c.total))) //nolint:gosec // it is not negative
	}
	return byteText(uint64(passed)) + ", " //nolint:gosec // it is not negative
}

// counted counts what is read of a stream, which knows how much there is if it is a file.
func counted(r io.Reader) *counter {
	c := &counter{Reader: r}
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			c.total = info.Size()
		}
	}
	return c
}
