package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The files in testdata are requests with the answers to them. This writes the answers anew:
//
//	go test ./internal/httpapi -run 'TestAnswers|TestRefusals|TestOpenAPI' -rewrite
//
// Each request is a command, a request line, headers, and a body after an empty line.
// {NAME} stands for an ID: see names. Times and other IDs are blotted out in answers.

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	// What is declared is part of a list's ETag.
	digests = regexp.MustCompile(`-[0-9a-f]{16}"$`)
	times   = regexp.MustCompile(`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)
)

// names are the names that files use for IDs.
func (a *api) names(t *testing.T) (toID, toName *strings.Replacer) {
	t.Helper()
	ids, names := []string{"{nothing}", unknownID}, []string{unknownID, "{nothing}"}
	add := func(name, id string) { ids, names = append(ids, "{"+name+"}", id), append(names, id, "{"+name+"}") }
	for tenant, actor := range a.tokens {
		networks, _, err := a.store.Networks(t.Context(), actor, vcc.NetworkFilter{}, vcc.Page{Limit: vcc.MaxPageLimit})
		ok(t, err)
		for _, n := range networks {
			add(tenant+" "+n.Name, n.ID)
		}
		plans, _, err := a.store.HardwarePlans(t.Context(), actor, vcc.Page{Limit: vcc.MaxPageLimit})
		ok(t, err)
		for _, p := range plans {
			add("plan "+p.Name, p.ID)
		}
		add("tenant "+tenant, actor.TenantID)
	}
	add("job", a.job(t))
	add("failover plan", a.plan(t))
	add("appliance", a.appliance(t))
	return strings.NewReplacer(ids...), strings.NewReplacer(names...)
}

// runScript sends the requests of a file. The commands are
//
//	http      sends a request
//	refused   sends one that is refused and changes nothing
//
// Both are sent as ABC unless an argument such as as=XYZ says otherwise.
func (a *api) runScript(t *testing.T, file string) {
	toID, toName := a.names(t)
	blot := func(text string) string { return uuids.ReplaceAllString(toName.Replace(text), "ID") }
	datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
		head, body, _ := strings.Cut(d.Input+"\n", "\n\n")
		lines := strings.Split(strings.TrimRight(toID.Replace(head), "\n"), "\n")
		method, path, _ := strings.Cut(lines[0], " ")
		as := "ABC"
		d.MaybeScanArgs(t, "as", &as)
		headers := append([]string{"Authorization: Bearer " + as}, lines[1:]...)
		if as == "nobody" {
			headers[0] = "Authorization: "
		}
		body = strings.TrimSpace(toID.Replace(body))
		switch d.Cmd {
		case "http":
			return blot(formatAnswer(t, a.do(t, method, path, body, headers...)))
		case "refused":
			var got answer
			a.unchanged(t, func() { got = a.do(t, method, path, body, headers...) })
			checkErrorForm(t, got)
			return blot(fmt.Sprintf("%d\n%s", got.status, got.body))
		}
		t.Fatalf("%s: there is no command %s", d.Pos, d.Cmd)
		return ""
	})
}

// formatAnswer writes an answer without what is another each time.
func formatAnswer(t *testing.T, a answer) string {
	text := fmt.Sprintln(a.status)
	for _, name := range []string{"ETag", "WWW-Authenticate", "Content-Type"} {
		value := digests.ReplaceAllString(a.header.Get(name), `-DIGEST"`)
		if value != "" && value != "application/json" {
			text += name + ": " + value + "\n"
		}
	}
	if a.body == "" {
		return text
	}
	var indented bytes.Buffer
	ok(t, json.Indent(&indented, []byte(a.body), "", "  "))
	return text + times.ReplaceAllString(strings.TrimSpace(indented.String()), `"TIME"`) + "\n"
}
