// Package vbr speaks with real backup servers, in files: it reads what their PowerShell cmdlets say of
// default gateways, and writes the scripts that ask for it and that bring a server to what is stored.
// It has no access to any server, and has been run against none.
//
// Facts about the cmdlets are those of the vendor's PowerShell reference, 13.0.1; facts about the
// forms that JSON takes are those of PowerShell's documentation. Where both are silent the comment says "our decision".
//
// The package does no I/O but on the reader and the writer that it is given. Everything in it is safe for
// concurrent use.
package vbr
