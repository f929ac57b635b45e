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

// listed is a page of a list as the server answered it.
type listed[T any] struct {
	entries []T
	// total counts the entries of the whole list.
	total int
	// tag is the page's ETag, next what the following page begins after; "" where the server sent none.
	tag, next string
}

// listPage reads one page of a list.
func listPage[Wire interface{ decode() (T, error) }, T any](ctx context.Context, c *Client, r request, p vcc.Page) (page listed[T], err error) {
	r.query = maps.Clone(r.query)
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set("skip", strconv.Itoa(p.Skip))
	r.query.Set("limit", strconv.Itoa(p.Limit))
	if p.After != "" {
		r.query.Set("after", p.After)
	}
	err = c.call(ctx, r, func(a answer) error {
		var w wireList[Wire]
		err := json.Unmarshal(a.content, &w)
		if err != nil {
			return err
		}
		entries, err := decodeList("data", w.Data)
		page = listed[T]{entries, w.Pagination.Total, a.etag, w.Pagination.Next}
		return err
	})
	if err != nil {
		return listed[T]{}, err
	}
	return page, nil
}

// askList reads one page of a list.
func askList[Wire interface{ decode() (T, error) }, T any](ctx context.Context, c *Client, r request, p vcc.Page) ([]T, int, error) {
	page, err := listPage[Wire](ctx, c, r, p)
	return page.entries, page.total, err
}

// errNotModified is the answer to a GET of what is as it was before.
var errNotModified = errors.New("not modified")

// GatewayListing is a tenant's stored gateways as they were read once.
type GatewayListing struct {
	// All are the gateways in plan and network order. They must not be changed.
	All   []vcc.DefaultGateway
	pages []gatewayPage
}

// gatewayPage is a page of a listing.
type gatewayPage struct {
	skip int
	listed[vcc.DefaultGateway]
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
	after := ""
	for skip := 0; ; {
		p, r := gatewayPage{skip: skip}, forTenant(as, http.MethodGet, "defaultGateways")
		if i := len(pages); i < len(known) && known[i].skip == skip && known[i].tag != "" {
			p, r.header = known[i], http.Header{"If-None-Match": {known[i].tag}}
		}
		// A server that does not know after sends no next, and refuses what it does not know.
		page, err := listPage[wireDefaultGateway](ctx, c, r, vcc.Page{Skip: skip, Limit: vcc.MaxPageLimit, After: after})
		switch {
		case errors.Is(err, errNotModified):
		case err != nil:
			return nil, false, err
		default:
			p, changed = gatewayPage{skip, page}, true
		}
		pages = append(pages, p)
		more := skip+len(p.entries) < p.total
		if after != "" || p.next != "" { // a server that knows places says itself which page is the last
			more = p.next != ""
		}
		after = p.next
		skip += len(p.entries)
		if len(p.entries) == 0 || !more {
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
