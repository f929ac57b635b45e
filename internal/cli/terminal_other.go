//go:build !windows

package cli

import "os"

// takesColours reports whether a terminal takes colours, as all do but old ones of Windows.
func takesColours(*os.File) bool { return true }
