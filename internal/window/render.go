package window

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// page is a file of templates/ within the layout. The file defines the template "content".
type page struct{ *template.Template }

// parseTemplates reads every page. The files are ours, so that an error in one is a panic.
func parseTemplates() map[string]*page {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	base := template.Must(template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	pages := map[string]*page{}
	for _, name := range names {
		if file := path.Base(name); file != "layout.html" && file != "parts.html" {
			pages[file] = &page{template.Must(template.Must(base.Clone()).ParseFS(templateFiles, name))}
		}
	}
	return pages
}

// functions are those of the templates.
var functions = template.FuncMap{
	"utc": vcc.TimeText,
	"iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	// with puts several values into one, for a part that needs them.
	"dict": func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	},
}

// view is what a page shows.
type view struct {
	template string // a file of templates/
	title    string
	status   int // 0: 200
	section  string
	notice   string
	data     any
	location string // where to go instead
	text     string // what is sent instead, where there is no template
}

// show returns a view of a page. section is the path of the entry of the navigation that it belongs to.
func show(section, template, title string, data any) *view {
	return &view{template: template, title: title, section: section, data: data}
}

// goTo returns a view that sends the browser to another page of ours.
func goTo(location string) *view { return &view{location: location} }

// confirmation is what the page asks that has something asked for once more (confirm.html).
type confirmation struct {
	// Question is asked, and Facts say what would happen.
	Question string
	Facts    []string
	// Action is the path that the form is sent to, with the hidden fields, and Button says what is done.
	Action string
	Hidden map[string]string
	Button string
	// Danger marks what takes something away.
	Danger bool
	// Back is the path of who changes their mind.
	Back string
}

// confirm returns a view that asks once more.
func confirm(section, title string, c confirmation) *view {
	return show(section, "confirm.html", title, c)
}

// Shown is what templates get.
type Shown struct {
	Title  string
	Notice string
	// Account is nil for who is not logged in, and Tenant where none is meant yet.
	Account *vcc.Account
	Tenant  *vcc.Tenant
	// FormToken belongs into every form: {{template "form-token" .}}.
	FormToken string
	// KeyOnly says that there are no accounts.
	KeyOnly  bool
	Sections []entry
	// Data is what the page's function returned.
	Data any
}

// entry is one of the navigation.
type entry struct {
	Title, Path string
	Current     bool
}

// Operator reports whether there are other tenants to choose.
func (s Shown) Operator() bool { return s.Account != nil && s.Account.Role == vcc.RoleOperator }

// MayWrite reports whether the page shows forms that change something.
func (s Shown) MayWrite() bool { return s.Account != nil && s.Account.MayWrite() == nil }

// Path returns the path of a page of the tenant's: {{.Path "networks" .ID}}.
func (s Shown) Path(parts ...string) string {
	if s.Tenant == nil {
		return "/"
	}
	return tenantPath(s.Tenant.ID, parts...)
}

// write renders a view. What cannot be rendered is not half sent.
func (w *Window) write(rw http.ResponseWriter, r *request, v *view) {
	shown := Shown{Title: v.title, Notice: v.notice, Data: v.data, KeyOnly: w.Key != nil}
	if shown.Notice == "" {
		shown.Notice = notices[r.URL.Query().Get("done")]
	}
	if r.token != "" {
		shown.Account, shown.FormToken = &r.account, formToken(r.token)
	}
	if r.tenant.ID != "" {
		shown.Tenant = &r.tenant
		for _, s := range sections() {
			shown.Sections = append(shown.Sections, entry{s.title, r.path(s.path), s.path == v.section})
		}
	}
	var text bytes.Buffer
	if err := w.templates[v.template].ExecuteTemplate(&text, "layout.html", shown); err != nil {
		w.Log.ErrorContext(r.Context(), "page failed", "error", err)
		http.Error(rw, "The page cannot be shown; the server's log says why.", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	if v.status != 0 {
		rw.WriteHeader(v.status)
	}
	_, _ = text.WriteTo(rw) // the browser may be gone
}

// asset answers with a file of assets/.
func (w *Window) asset(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(rw, r, assetFiles, "assets/"+path.Base(r.PathValue("file")))
}
