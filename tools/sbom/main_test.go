package main

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// document is one as syft writes it.
func document(id, made, content string) []byte {
	return fmt.Appendf(nil, `{"spdxVersion": "SPDX-2.3", "name": "a.zip", "documentNamespace": "https://anchore.com/syft/file/a.zip-%s",
 "creationInfo": {"creators": ["Tool: syft"], "created": "%s"}, "packages": [%q]}`, id, made, content)
}

func TestSettle(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	settled := func(content []byte) []byte {
		t.Helper()
		content, err := settle(content, at)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	one := settled(document("6f1c2f6e-0000-4000-8000-000000000001", "2026-11-28T10:00:00Z", "x"))
	other := settled(document("6f1c2f6e-0000-4000-8000-000000000002", "2026-11-28T11:00:00Z", "x"))
	if !bytes.Equal(one, other) || !bytes.Contains(one, []byte(`"created": "2026-01-02T02:04:05Z"`)) {
		t.Errorf("they differ, or have another time:\n%s\n%s", one, other)
	}
	if different := settled(document("6f1c2f6e-0000-4000-8000-000000000001", "2026-11-28T10:00:00Z", "y")); bytes.Equal(namespace.Find(one), namespace.Find(different)) {
		t.Errorf("two documents have one name: %s", different)
	}
	if _, err := settle([]byte(`{"created": "2026-11-28T10:00:00Z"}`), at); err == nil {
		t.Error("a document without a name is settled")
	}
}
