package window

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerTenants() { w.handle("GET /tenants", w.known(w.chooseTenant)) }

// start leads to the first page: of the account's tenant, or of the choice of one.
func (w *Window) start(rw http.ResponseWriter, r *http.Request) {
	w.known(func(rw http.ResponseWriter, r *request) {
		location := "/tenants"
		if r.account.TenantID != "" {
			location = tenantPath(r.account.TenantID, "gateways")
		}
		http.Redirect(rw, r.Request, location, http.StatusSeeOther)
	})(rw, r)
}

// tenantList is the page where an operator chooses.
type tenantList struct {
	Search  string
	Tenants []choice
	pages
}

type choice struct{ Name, Path string }

// chooseTenant lists the tenants, for an operator alone: no other account learns that there are more (D20).
func (w *Window) chooseTenant(rw http.ResponseWriter, r *request) {
	w.answer(rw, r, func(r *request) (*view, error) {
		if r.account.Role != vcc.RoleOperator {
			return goTo(tenantPath(r.account.TenantID, "gateways")), nil
		}
		list := tenantList{Search: r.search(), pages: newPages(r)}
		found, total, err := w.Services.TenantNames(r.Context(), list.Search, list.page())
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			list.Tenants = append(list.Tenants, choice{t.Name, tenantPath(t.ID, "gateways")})
		}
		list.count(len(found), total)
		return show("", "tenants.html", "Tenants", list), nil
	})
}

// rows is how many rows a page of a table has.
const rows = 100

// pages are the pages of a table.
type pages struct {
	// First and Last are the rows that are shown, from 1, and Total is how many there are.
	First, Last, Total int
	// Before and After are the addresses of the pages beside this one, "" for none.
	Before, After string

	skip int
	url  url.URL
}

// newPages reads which page is asked for. What is no number is the first page.
func newPages(r *request) pages {
	skip, err := strconv.Atoi(r.URL.Query().Get("skip"))
	if err != nil || skip < 0 || skip > 1<<30 {
		skip = 0
	}
	return pages{skip: skip, url: *r.URL}
}

func (p *pages) page() vcc.Page { return vcc.Page{Skip: p.skip, Limit: rows} }

func (p *pages) count(shown, total int) {
	p.Total, p.First, p.Last = total, p.skip+1, p.skip+shown
	if shown == 0 {
		p.First = 0
	}
	if p.skip > 0 {
		p.Before = p.at(max(0, p.skip-rows))
	}
	if p.Last < total && shown > 0 {
		p.After = p.at(p.Last)
	}
}

func (p *pages) at(skip int) string {
	u, q := p.url, p.url.Query()
	q.Del("skip")
	q.Del("done")
	if skip > 0 {
		q.Set("skip", strconv.Itoa(skip))
	}
	u.RawQuery = q.Encode()
	return u.RequestURI()
}

// search returns what somebody looks for.
func (r *request) search() string { return vcc.Shorten(r.URL.Query().Get("search"), vcc.MaxName) }
