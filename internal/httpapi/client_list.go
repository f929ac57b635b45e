package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// listPage reads one page of a list, and how many entries the list has. tag is the page's ETag,
// "" if the server sent none.
func listPage[Wire interface{ decode() (T, error) }, T any](ctx context.Context, c *Client, r request, p vcc.Page) (entries []T, total int, tag string, err error) {
	r.query = maps.Clone(r.query)
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set("skip", strconv.Itoa(p.Skip))
	r.query.Set("limit", strconv.Itoa(p.Limit))
	err = c.call(ctx, r, func(a answer) error {
		var w wireList[Wire]
		err := json.Unmarshal(a.content, &w)
		if err != nil {
			return err
		}
		entries, err = decodeList("data", w.Data)
		total, tag = w.Pagination.Total, a.etag
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	return entries, total, tag, nil
}

// askList reads one page of a list.
func askList[Wire interface{ decode() (T, error) }, T any](ctx context.Context, c *Client, r request, p vcc.Page) ([]T, int, error) {
	entries, total, _, err := listPage[Wire](ctx, c, r, p)
	return entries, total, err
}

// errNotModified is the answer to a GET of what is as it was before.
var errNotModified = errors.New("not modified")

// GatewayListing is a tenant's stored gateways as they were read once.
type GatewayListing struct {
	// All are the gateways in plan and network order. They must not be changed.
	All   []vcc.DefaultGateway
	pages []gatewayPage
}

// gatewayPage is a page of a listing and its ETag, "" for none.
type gatewayPage struct {
	skip    int
	tag     string
	entries []vcc.DefaultGateway
	total   int
}

// ListDefaultGateways returns the tenant's stored gateways; where they are as in a listing
// that was read before, that one. Then little is sent. before may be nil.
func (c *Client) ListDefaultGateways(ctx context.Context, as vcc.Actor, before *GatewayListing) (*GatewayListing, error) {
	var known []gatewayPage
	if before != nil {
		known = before.pages
	}
	pages, changed, err := c.gatewayPages(ctx, as, known)
	if err != nil {
		return nil, err
	}
	if before != nil && !changed {
		return before, nil
	}
	return newGatewayListing(pages), nil
}

// gatewayPages reads every page of the gateways. A page whose ETag is as it is known is not sent
// again (RFC 9110, 13.1.2). changed says that some page was, or that there are fewer.
func (c *Client) gatewayPages(ctx context.Context, as vcc.Actor, known []gatewayPage) (pages []gatewayPage, changed bool, err error) {
	for skip := 0; ; {
		p, r := gatewayPage{skip: skip}, forTenant(as, http.MethodGet, "defaultGateways")
		if i := len(pages); i < len(known) && known[i].skip == skip && known[i].tag != "" {
			p, r.header = known[i], http.Header{"If-None-Match": {known[i].tag}}
		}
		entries, total, tag, err := listPage[wireDefaultGateway](ctx, c, r, vcc.Page{Skip: skip, Limit: vcc.MaxPageLimit})
		switch {
		case errors.Is(err, errNotModified):
		case err != nil:
			return nil, false, err
		default:
			p, changed = gatewayPage{skip, tag, entries, total}, true
		}
		pages = append(pages, p)
		skip += len(p.entries)
		if len(p.entries) == 0 || skip >= p.total {
			return pages, changed || len(pages) != len(known), nil
		}
	}
}

// newGatewayListing joins pages. Their entries are in memory once.
func newGatewayListing(pages []gatewayPage) *GatewayListing {
	if len(pages) == 1 {
		return &GatewayListing{pages[0].entries, pages}
	}
	n := 0
	for _, p := range pages {
		n += len(p.entries)
	}
	all := make([]vcc.DefaultGateway, 0, n)
	for i, p := range pages {
		all = append(all, p.entries...)
		pages[i].entries = all[p.skip:len(all):len(all)]
	}
	return &GatewayListing{all, pages}
}
