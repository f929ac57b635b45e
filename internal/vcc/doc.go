// Package vcc is the domain: cloud networks, their default gateways, the
// routing option between them, and who may change what. Every rule stands here
// once; the provider's schema and the server call the same function, so that a
// plan and a write refuse the same value in the same words.
//
// The package does no I/O and imports nothing but the standard library. Values
// are plain data: safe for concurrent use as long as nobody changes them.
//
// Facts come from the vendor's public documentation of Cloud Connect (guide,
// version 13) and of its PowerShell cmdlets. Where that is silent the comment
// says "our decision".
package vcc
