package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// page is one page of a list and its ETag, "" if the server sent none.
type page[T any] struct {
	List[T]
	skip int
	etag string
}

func (p *page[T]) setETag(tag string) { p.etag = tag }

// errNotModified is the answer to a GET of what is as it was before.
var errNotModified = errors.New("not modified")

// readPages reads every page of a list. One whose ETag is as it is known is not sent again
// (RFC 9110, 13.1.2), and known is what is returned if all are.
func readPages[T any](ctx context.Context, c *Client, path string, query url.Values, known []page[T]) ([]page[T], error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(vcc.MaxPageLimit))
	var pages []page[T]
	changed := false
	for skip := 0; ; {
		p, before := page[T]{skip: skip}, page[T]{}
		if i := len(pages); i < len(known) && known[i].skip == skip {
			before = known[i]
		}
		condition := http.Header{}
		if before.etag != "" {
			condition.Set("If-None-Match", before.etag)
		}
		query.Set("skip", strconv.Itoa(skip))
		err := c.call(ctx, http.MethodGet, basePath+"/"+path, query, condition, nil, &p)
		switch {
		case errors.Is(err, errNotModified):
			p = before
		case err != nil:
			return nil, err
		default:
			changed = true
		}
		pages = append(pages, p)
		skip += len(p.Data)
		if len(p.Data) > 0 && skip < p.Pagination.Total {
			continue
		}
		if !changed && len(pages) == len(known) {
			return known, nil
		}
		return pages, nil
	}
}

// entries returns the entries of all pages. What they have in common is in memory once.
func entries[T any](pages []page[T]) []T {
	if len(pages) == 1 {
		return pages[0].Data
	}
	n := 0
	for _, p := range pages {
		n += len(p.Data)
	}
	all := make([]T, 0, n)
	for i, p := range pages {
		all = append(all, p.Data...)
		pages[i].Data = all[p.skip:len(all):len(all)]
	}
	return all
}

// all reads every entry of a list.
func all[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	pages, err := readPages[T](ctx, c, path, query, nil)
	if err != nil {
		return nil, err
	}
	return entries(pages), nil
}

// GatewayListing is a tenant's stored gateways as they were read once.
type GatewayListing struct {
	// All are the gateways in plan and network order. They must not be changed.
	All   []DefaultGateway
	pages []page[DefaultGateway]
}

// ListDefaultGateways returns the tenant's stored gateways; where they are as in a listing
// that was read before, that one. Then little is sent. before may be nil.
func (c *Client) ListDefaultGateways(ctx context.Context, before *GatewayListing) (*GatewayListing, error) {
	var known []page[DefaultGateway]
	if before != nil {
		known = before.pages
	}
	pages, err := readPages(ctx, c, "defaultGateways", nil, known)
	if err != nil {
		return nil, err
	}
	if len(known) > 0 && &pages[0] == &known[0] {
		return before, nil
	}
	return &GatewayListing{entries(pages), pages}, nil
}
