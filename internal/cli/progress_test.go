package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What takes long is told of after two seconds, again while it goes on, and wiped off at the end.
func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		width int
		want  []string
	}{
		"short": {1900 * time.Millisecond, 80, nil},
		"long": {3200 * time.Millisecond, 80, []string{
			"Replaying a.pcap: 10% of 2.0 KiB, 2 s", "Replaying a.pcap: 20% of 2.0 KiB, 2 s", "Replaying a.pcap: 30% of 2.0 KiB, 3 s", strings.Repeat(" ", 37), "",
		}},
		"a narrow terminal": {2 * time.Second * 11 / 10, 20, []string{"Replaying a.pcap: 1", strings.Repeat(" ", 19), ""}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var terminal bytes.Buffer // written by one goroutine, and read after its end
				share := 0
				end := progress(&terminal, func() int { return test.width }, "Replaying a.pcap", func() string {
					share += 10
					c := &counter{total: 2000}
					c.passed.Store(int64(share) * 2000 / 100)
					return c.done()
				})
				time.Sleep(test.takes)
				end()
				var want string
				for _, line := range test.want {
					want += "\r" + line
				}
				if terminal.String() != want {
					t.Errorf("it shows %q, not %q", terminal.String(), want)
				}
			})
		})
	}
}
