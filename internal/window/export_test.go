package window

// Back is where a login leads that was asked to lead somewhere.
var Back = back
