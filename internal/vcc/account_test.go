package vcc_test

import (
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestValidateAccount(t *testing.T) {
	for name, good := range map[string]bool{
		"abc-company": true, "ÄÖÜ": true, "two words": true, strings.Repeat("x", 128): true,
		"": false, " x": false, "x ": false, "a\x00b": false, "line\nbreak": false, "\xff": false, strings.Repeat("x", 129): false,
	} {
		if err := vcc.ValidateUsername(name); (err == nil) != good {
			t.Errorf("user name %q: %v", name, err)
		}
	}
	for password, good := range map[string]bool{
		"8 letter": true, "ümläütéß": true, strings.Repeat("x", 1024): true,
		"": false, "7letter": false, "ümläüté": false /* 7 characters of 11 bytes */, strings.Repeat("ü", 513): false /* 1,026 bytes */, "line\nbreak": false, "\xffxxxxxxxx": false, strings.Repeat("x", 1025): false,
	} {
		err := vcc.ValidatePassword(password)
		if (err == nil) != good {
			t.Errorf("password %q: %v", password, err)
		}
		if err != nil && password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
