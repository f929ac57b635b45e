package cli_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
)

// TestLabApply_passwordsLeft: a server that has more passwords to hash than it can within one request
// gets the lab again until all are in force, but never over a lab that somebody else declared. A
// proxy stands in for that much hashing: it says in the answers how much is left.
func TestLabApply_passwordsLeft(t *testing.T) {
	s := serve(t)
	done(t, "backend lab apply '"+file(t, tenantLab)+"'"+removeBuiltIn+s.as("root"))
	t.Setenv("BOND_PASSWORD", "shaken, not stirred")
	lab := file(t, tenantLab)
	var left []string       // of the answers to come, "" for none
	var requests []string   // that declare a lab
	var before func(string) // each of them
	target, err := url.Parse(s.endpoint)
	ok(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	authority, err := os.ReadFile(s.authority)
	ok(t, err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method != http.MethodPut || len(left) == 0 || strings.Contains(r.Request.URL.RawQuery, "dryRun") {
			return nil
		}
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		next := left[0]
		left = left[1:]
		if next != "" {
			var body map[string]json.RawMessage
			if err := json.Unmarshal(content, &body); err != nil {
				return err
			}
			body["passwordsLeft"] = json.RawMessage(next)
			if content, err = json.Marshal(body); err != nil {
				return err
			}
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
		r.Header.Del("Content-Length")
		return nil
	}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			request := r.URL.RawQuery
			requests = append(requests, request)
			before(request)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer between.Close()
	command := "backend lab apply '" + lab + "' --endpoint " + between.URL + " --username root --password-file '" + s.passwords["root"] + "'"

	before = func(string) {}
	left = []string{`{"missing": 2, "unchecked": 3}`, `{"missing": 0, "unchecked": 1}`, ""}
	equal(t, "until none is left", typed(t, command), result{0, "Applied " + lab + "\n",
		"The lab is applied, except for its passwords: accounts to make: 2, passwords to compare: 3\n" +
			"The lab is applied, except for its passwords: passwords to compare: 1\n"})
	equal(t, "requests", requests, []string{"dryRun=true", "", "dryRun=true", "", "dryRun=true", ""})

	// Another operator declares another lab meanwhile.
	requests, left = nil, []string{`{"missing": 1, "unchecked": 0}`}
	before = func(string) {
		if len(requests) == 3 {
			done(t, "backend lab apply '"+file(t, strings.Replace(tenantLab, "name: sp", "name: another", 1))+"'"+s.folder())
		}
	}
	r := typed(t, command)
	equal(t, "status", r.status, 1)
	contains(t, "refusal", r.stderr, "Error: the lab was applied, except for its passwords (accounts to make: 1): another lab was declared meanwhile, which stays; apply it again to go on\n")
	equal(t, "requests", requests, []string{"dryRun=true", "", "dryRun=true"})
	contains(t, "the lab", done(t, "backend lab show"+s.folder()), "name: another")
}

// TestLabApply_replacesAccounts: an account of a lab's user name that somebody made by hand stays
// until it is named.
func TestLabApply_replacesAccounts(t *testing.T) {
	s := serve(t)
	lab := file(t, tenantLab)
	apply := "backend lab apply '" + lab + "'" + s.as("root")
	done(t, apply+removeBuiltIn)
	t.Setenv("VCC_NEW_PASSWORD", "made by hand")
	done(t, "backend account add bond --tenant 007 --database '"+s.database+"'")
	t.Setenv("BOND_PASSWORD", "shaken, not stirred")
	const change = "- account \"bond\" of tenant \"007\": it was made by hand, and the lab gives its user name a password\n"
	equal(t, "refused", typed(t, apply), result{1, change, "Error: " + lab + ` cannot be applied: the lab replaces account "bond" of tenant "007": ` +
		"it was made by hand, and the lab gives its user name a password; nothing was changed. Use other user names, or name what is to go: --remove account:bond\n"})
	equal(t, "named", typed(t, apply+" --remove account:bond"), result{0, change + "Applied " + lab + "\n", ""})
	equal(t, "again", typed(t, apply), result{0, "Applied " + lab + "\n", ""})
}
