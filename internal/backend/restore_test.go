package backend_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
)

// TestRestoredETags loses what was written after a backup, over the wire: an ETag of what was lost
// overwrites nothing that was written since, and one of what the backup has is still good. It does
// so twice, because a restored backend can be lost, too.
func TestRestoredETags(t *testing.T) {
	t.Parallel()
	for kind, fresh := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "vcc.db") },
		"PostgreSQL": newPostgresDatabase,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := serve(t, backend.ServerConfig{Database: fresh(t)})
			token := s.logIn("abc-company", abcPassword).AccessToken
			gateway := api + "/defaultGateways/" + networks(t, s.abc())[2].ID
			put := func(address, condition string) reply {
				t.Helper()
				return s.send("PUT", gateway, fmt.Sprintf(`{"ipv4": {"address": "%s", "subnetMask": "255.255.255.0"}}`, address), bearer(token), "Content-Type: application/json", condition)
			}
			written := func(address, condition string) (etag string) {
				t.Helper()
				got := put(address, condition)
				if got.status != http.StatusOK && got.status != http.StatusCreated {
					t.Fatalf("%s: %+v", condition, got)
				}
				return got.header.Get("ETag")
			}
			kept := written("10.0.0.1", "If-None-Match: *")
			var backup bytes.Buffer
			store, err := backend.OpenStore(t.Context(), s.cfg.Database, false)
			ok(t, err)
			ok(t, store.Backup(t.Context(), &backup))
			ok(t, store.Close())
			lost := []string{written("10.0.0.2", "If-Match: "+kept)}
			for range 2 {
				lost = append(lost, written("10.0.0.3", "If-Match: "+lost[len(lost)-1]))
				ok(t, s.end())
				database := fresh(t)
				store, err := backend.OpenStore(t.Context(), database, true)
				ok(t, err)
				ok(t, store.Restore(t.Context(), bytes.NewReader(backup.Bytes())))
				ok(t, store.Close())
				s = serve(t, backend.ServerConfig{Database: database})
				token = s.logIn("abc-company", abcPassword).AccessToken
				lost = append(lost, written("10.0.0.4", "If-Match: "+kept))
				last := written("10.0.0.5", "If-Match: "+lost[len(lost)-1])
				for _, etag := range append(lost, kept) {
					same(t, "status of a write that saw "+etag, put("10.0.0.6", "If-Match: "+etag).status, http.StatusPreconditionFailed)
				}
				same(t, "ETag of what is stored", s.send("GET", gateway, "", bearer(token)).header.Get("ETag"), last)
				lost = append(lost, last)
			}
		})
	}
}
