package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesColours switches a console to taking colours, and reports whether it does.
func takesColours(terminal *os.File) bool {
	var mode uint32
	console := windows.Handle(terminal.Fd())
	return windows.GetConsoleMode(console, &mode) == nil &&
		windows.SetConsoleMode(console, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
