package backend_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestSecrets does everything that has to do with passwords and tokens, the wrong way,
// too, and then looks for them in what the server wrote: its log, its errors, its
// metrics, and the database.
func TestSecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "vcc.db")
		testSecrets(t, "sqlite:"+path, func() string {
			var all strings.Builder
			for _, name := range []string{path, path + "-wal"} {
				content, err := os.ReadFile(name)
				ok(t, err)
				all.Write(content)
			}
			return all.String()
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		address := newPostgresDatabase(t)
		testSecrets(t, address, func() string {
			db, err := sql.Open("pgx", address)
			ok(t, err)
			defer db.Close() //nolint:errcheck // it was read
			var all strings.Builder
			for _, table := range column(t, db, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'") {
				all.WriteString(strings.Join(column(t, db, fmt.Sprintf("SELECT t::text FROM %q AS t", table)), "\n"))
			}
			return all.String()
		})
	})
}

func column(t *testing.T, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	ok(t, err)
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		var v string
		ok(t, rows.Scan(&v))
		values = append(values, v)
	}
	ok(t, rows.Err())
	return values
}

func testSecrets(t *testing.T, database string, stored func() string) {
	const rootPassword, abcPassword, nextPassword, wrong = "root-secret-5af1c3", "abc-secret-77d0e9", "next-secret-b24c61", "wrong-secret-09be4f"
	secrets := []string{rootPassword, abcPassword, nextPassword, wrong}
	s, err := store.Open(t.Context(), database)
	ok(t, err)
	_, err = s.ApplyLab(t.Context(), crashLab(t, abcPassword), nil)
	ok(t, errors.Join(err, s.AddAccount(t.Context(), vcc.Account{Username: "root", Role: vcc.RoleOperator}, rootPassword)))
	defer s.Close() //nolint:errcheck // it stays open so that SQLite keeps its journal
	log := new(logBuffer)
	server, err := backend.NewServer(t.Context(), backend.ServerConfig{
		Listen: "127.0.0.1:0", Database: database, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	ok(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	endpoint := "http://" + server.Addr().String()
	var answers strings.Builder // those that are no tokens
	ask := func(method, path, contentType, body string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, endpoint+path, strings.NewReader(body))
		ok(t, err)
		r.Header.Set("Content-Type", contentType)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		ok(t, err)
		defer resp.Body.Close() //nolint:errcheck // it was read
		content, err := io.ReadAll(resp.Body)
		ok(t, err)
		if path != "/api/oauth2/token" || resp.StatusCode != http.StatusOK {
			fmt.Fprintln(&answers, resp.Status, resp.Header, string(content))
		}
		return resp.StatusCode, string(content)
	}
	tokens := regexp.MustCompile(`"(?:access|refresh)_token":"([^"]+)"`)
	logIn := func(form url.Values) (access, refresh string) {
		t.Helper()
		_, body := ask("POST", "/api/oauth2/token", "application/x-www-form-urlencoded", form.Encode())
		found := tokens.FindAllStringSubmatch(body, -1)
		for _, f := range found {
			secrets = append(secrets, f[1])
		}
		if len(found) != 2 {
			return "", ""
		}
		return found[0][1], found[1][1]
	}
	password := func(username, password string) url.Values {
		return url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}
	}
	root, _ := logIn(password("root", rootPassword))
	abc, refresh := logIn(password("abc", abcPassword))
	_, refreshed := logIn(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if root == "" || abc == "" || refreshed == "" {
		t.Fatalf("no login: %s %s", answers.String(), log)
	}
	// Right and wrong, and where nobody should put it.
	logIn(password("abc", wrong))
	logIn(password(wrong, abcPassword))
	logIn(password(abcPassword, "x"))
	logIn(url.Values{"grant_type": {wrong}, "password": {abcPassword, nextPassword}})
	logIn(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {wrong}})
	ask("POST", "/api/oauth2/token", "application/json", `{"password": "`+abcPassword+`"}`)
	ask("POST", "/api/oauth2/token", "application/x-www-form-urlencoded", "password=%zz"+abcPassword)
	ask("POST", "/api/oauth2/token?password="+abcPassword, "application/x-www-form-urlencoded", "")
	ask("GET", "/api/oauth2/token/"+url.PathEscape(abcPassword), "", "")
	for _, token := range []string{abc, root, refreshed, wrong} {
		ask("GET", "/api/v1/cloudConnect/networks", "", "", "Authorization: Bearer "+token)
		ask("GET", "/api/v1/lab", "", "", "Authorization: Bearer "+token)
		ask("GET", "/api/v1/lab?access_token="+token, "", "", "Authorization: Token "+token)
		ask("GET", "/metrics", "", "", "Authorization: Bearer "+token)
		ask("PUT", "/api/v1/cloudConnect/networkRouting?tenant=ABC", "application/json", `{"enabled": true}`, "Authorization: Bearer "+token)
	}
	labJSON := `{"serviceProvider": {"name": "sp"}, "hosts": [], "hardwarePlans": [], "tenants": [{"name": "ABC", "username": "abc", "subscriptions": []}], "passwords": {"abc": %s}}`
	for _, p := range []string{`"` + nextPassword + `\n"`, `{"of": "` + nextPassword + `"}`, `"` + nextPassword[:7] + `"`} {
		ask("PUT", "/api/v1/lab", "application/json", fmt.Sprintf(labJSON, p), "Authorization: Bearer "+root)
	}
	operator, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: endpoint, Username: "root", Password: rootPassword})
	ok(t, err)
	defer operator.Close()
	_, err = operator.ApplyLab(t.Context(), crashLab(t, nextPassword), nil)
	ok(t, err)
	access, second := logIn(password("abc", nextPassword))
	logIn(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {second}})
	logIn(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {second}}) // once too often
	ask("GET", "/api/v1/cloudConnect/networks", "", "", "Authorization: Bearer "+access)
	for range 12 { // until it is slowed down
		logIn(password("abc", wrong))
	}
	_, metrics := ask("GET", "/metrics", "", "", "Authorization: Bearer "+root)
	content := stored()
	stop()
	ok(t, <-ended)

	if len(secrets) < 12 {
		t.Fatalf("only %d secrets", len(secrets))
	}
	for what, text := range map[string]string{"log": log.String(), "errors": answers.String(), "metrics": metrics, "database": content} {
		// What must be there shows that the test looks at the right thing.
		must := map[string]string{"log": `"account":"root"`, "errors": "InvalidToken", "metrics": `vcc_logins_total{grant="password",outcome="success"}`, "database": "$argon2id$"}[what]
		if !strings.Contains(text, must) {
			t.Errorf("the %s: there is no %s in %s", what, must, text[:min(len(text), 2000)])
		}
		for _, secret := range secrets {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("the %s has a secret: ...%s...", what, text[max(0, at-200):min(len(text), at+len(secret)+50)])
			}
		}
	}
}
