package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (s *server) registerDefaultGateways() {
	list(s, "defaultGateways/{networkId}/changes", "List the history of a network's default gateway, newest first", newWireChange,
		func(ctx context.Context, as vcc.Actor, in *changesQuery) ([]vcc.Change, int, error) {
			if in.Scope == scopeTenant {
				return s.Services.TenantGatewayChanges(ctx, as, in.NetworkID, in.page())
			}
			return s.Services.DefaultGatewayChanges(ctx, as, in.NetworkID, in.page())
		})
	handle(s, http.MethodGet, "defaultGateways", "List the tenant's stored default gateways", s.listGateways)
	handle(s, http.MethodGet, "defaultGateways/{networkId}", "Get a default gateway", s.getGateway)
	handle(s, http.MethodPut, "defaultGateways/{networkId}", "Set a default gateway", s.putGateway)
	handle(s, http.MethodDelete, "defaultGateways/{networkId}", "Remove a default gateway", s.removeGateway)
	s.api.OpenAPI().Paths[basePath+"/defaultGateways/{networkId}"].Delete.Responses["204"] = &huma.Response{Description: "No gateway is left"}
}

// networkPath names a network in the path.
type networkPath struct {
	NetworkID string `path:"networkId"`
}

// What a history is of: one network, or all of the tenant's.
const (
	scopeQuery  = "scope"
	scopeTenant = "tenant"
)

// changesQuery selects entries of a network's history.
type changesQuery struct {
	NetworkID string `path:"networkId"`
	Scope     string `query:"scope" enum:"network,tenant" default:"network" doc:"The history of this network, or that of all of the tenant's networks, then with the networkId of each entry"`
	PageQuery
}

// gatewaysQuery selects a page of the stored gateways.
type gatewaysQuery struct {
	PageQuery
	After       string `query:"after" doc:"The pagination.next of the page before. This page begins behind it and takes as long as the first. While that entry's network is there, skip has no effect"`
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of this page when it was read before; while that is its ETag the answer is 304, without the page"`
}

// listGateways answers with the version of the list as the ETag of each page, so that a caller
// who reads it again and again is sent changes alone (RFC 9110, 13.1.2).
func (s *server) listGateways(ctx context.Context, as vcc.Actor, in *gatewaysQuery) (*answerTagged[wireList[wireDefaultGateway]], error) {
	// The version comes first: what changes in between has an older ETag, which no longer matches.
	version, err := s.Services.DefaultGatewaysVersion(ctx, as)
	if err != nil {
		return nil, err
	}
	tag := strconv.Quote(version)
	if matchesETag(tag, in.IfNoneMatch) {
		return &answerTagged[wireList[wireDefaultGateway]]{Status: http.StatusNotModified, ETag: tag}, nil
	}
	page := in.page()
	page.After = in.After
	found, total, err := s.Services.DefaultGateways(ctx, as, page)
	if err != nil {
		return nil, err
	}
	body := newWireList(convert(found, newWireDefaultGateway), total, page)
	// Behind a place nobody counts what is left, so an empty page may follow a full one.
	if len(found) == page.Limit && (page.After != "" || page.Skip+len(found) < total) {
		body.Pagination.Next = found[len(found)-1].NetworkID
	}
	return &answerTagged[wireList[wireDefaultGateway]]{Status: http.StatusOK, ETag: tag, Body: body}, nil
}

func (s *server) getGateway(ctx context.Context, as vcc.Actor, in *networkPath) (*answerTagged[wireDefaultGateway], error) {
	g, err := s.Services.DefaultGateway(ctx, as, in.NetworkID)
	if err != nil {
		return nil, err
	}
	return &answerTagged[wireDefaultGateway]{Status: http.StatusOK, ETag: etag(g.Revision), Body: newWireDefaultGateway(*g)}, nil
}

// putGatewayInput is a PUT of a default gateway.
type putGatewayInput struct {
	NetworkID string `path:"networkId"`
	Conditions
	Body wireGatewaySettings
}

func (s *server) putGateway(ctx context.Context, as vcc.Actor, in *putGatewayInput) (*answerTagged[wireDefaultGateway], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	settings, err := in.Body.parse()
	if err != nil {
		return nil, err
	}
	g, created, err := s.Services.PutDefaultGateway(ctx, as, in.NetworkID, settings, condition)
	if err != nil {
		return nil, err
	}
	s.auditRevision(ctx, "defaultGateway.put", g.NetworkID, g.Revision)
	answer := &answerTagged[wireDefaultGateway]{Status: http.StatusOK, ETag: etag(g.Revision), Body: newWrittenGateway(*g)}
	if created {
		answer.Status = http.StatusCreated
	}
	return answer, nil
}

// removeGatewayInput is a DELETE of a default gateway.
type removeGatewayInput struct {
	NetworkID string `path:"networkId"`
	Conditions
	RestoreDetected bool `query:"restoreDetected" doc:"If the gateway took the place of a detected one, bring that back and answer with it (200); otherwise remove it (204)"`
}

func (s *server) removeGateway(ctx context.Context, as vcc.Actor, in *removeGatewayInput) (*answerTagged[*wireDefaultGateway], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	var g *vcc.DefaultGateway
	if in.RestoreDetected {
		g, err = s.Services.RestoreDetectedGateway(ctx, as, in.NetworkID, condition)
	} else {
		err = s.Services.RemoveDefaultGateway(ctx, as, in.NetworkID, condition)
	}
	if err != nil {
		return nil, err
	}
	if g == nil {
		s.auditObject(ctx, "defaultGateway.remove", in.NetworkID)
		return &answerTagged[*wireDefaultGateway]{Status: http.StatusNoContent}, nil
	}
	s.auditRevision(ctx, "defaultGateway.restoreDetected", g.NetworkID, g.Revision)
	restored := newWireDefaultGateway(*g)
	return &answerTagged[*wireDefaultGateway]{Status: http.StatusOK, ETag: etag(g.Revision), Body: &restored}, nil
}
