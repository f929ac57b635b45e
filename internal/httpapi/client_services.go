package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What the methods of the services promise is at their interfaces in package vcc.

// ServerInfo describes the server. It needs no account.
func (c *Client) ServerInfo(ctx context.Context) (*ServerInfo, error) {
	req, err := c.newRequest(ctx, request{method: http.MethodGet, path: serverInfoPath}, nil)
	if err != nil {
		return nil, err
	}
	var info ServerInfo
	err = c.do(req, func(a answer) (err error) { // without a token: anybody may ask
		info, err = readJSON[wireServerInfo](a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &info, nil
}

// HardwarePlans implements vcc.NetworkService.
func (c *Client) HardwarePlans(ctx context.Context, as vcc.Actor, page vcc.Page) ([]vcc.HardwarePlan, int, error) {
	return askList[wireHardwarePlan](ctx, c, forTenant(as, http.MethodGet, "hardwarePlans"), page)
}

// Networks implements vcc.NetworkService.
func (c *Client) Networks(ctx context.Context, as vcc.Actor, filter vcc.NetworkFilter, page vcc.Page) ([]vcc.Network, int, error) {
	r := forTenant(as, http.MethodGet, "networks")
	r.query = url.Values{}
	if filter.HardwarePlanID != "" {
		r.query.Set("hardwarePlanIdFilter", filter.HardwarePlanID)
	}
	if filter.Name != "" {
		r.query.Set("nameFilter", filter.Name)
	}
	return askList[wireNetwork](ctx, c, r, page)
}

// gatewayRequest is a request about the gateway of a network.
func gatewayRequest(as vcc.Actor, method, networkID string) request {
	return forTenant(as, method, "defaultGateways/"+url.PathEscape(networkID))
}

// DefaultGateway implements vcc.DefaultGatewayService.
func (c *Client) DefaultGateway(ctx context.Context, as vcc.Actor, networkID string) (*vcc.DefaultGateway, error) {
	return ask[wireDefaultGateway](ctx, c, gatewayRequest(as, http.MethodGet, networkID))
}

// DefaultGateways implements vcc.DefaultGatewayService. ListDefaultGateways reads all of them,
// and less of them again.
func (c *Client) DefaultGateways(ctx context.Context, as vcc.Actor, page vcc.Page) ([]vcc.DefaultGateway, int, error) {
	return askList[wireDefaultGateway](ctx, c, forTenant(as, http.MethodGet, "defaultGateways"), page)
}

// DefaultGatewaysVersion implements vcc.DefaultGatewayService. The version is an ETag of the
// list, quotes included.
func (c *Client) DefaultGatewaysVersion(ctx context.Context, as vcc.Actor) (string, error) {
	page, err := listPage[wireDefaultGateway](ctx, c, forTenant(as, http.MethodGet, "defaultGateways"), vcc.Page{Limit: 1})
	return page.tag, err
}

// PutDefaultGateway implements vcc.DefaultGatewayService. Advice about what was stored is
// vcc.GatewaySettings.Warnings.
func (c *Client) PutDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, s vcc.GatewaySettings, p vcc.Precondition) (gateway *vcc.DefaultGateway, created bool, err error) {
	r := gatewayRequest(as, http.MethodPut, networkID)
	r.header, r.body = conditionHeader(p), newWireGatewaySettings(s)
	err = c.call(ctx, r, func(a answer) error {
		stored, err := readJSON[wireDefaultGateway](a)
		gateway, created = &stored, a.status == http.StatusCreated
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return gateway, created, nil
}

// RemoveDefaultGateway implements vcc.DefaultGatewayService.
func (c *Client) RemoveDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, p vcc.Precondition) error {
	r := gatewayRequest(as, http.MethodDelete, networkID)
	r.header = conditionHeader(p)
	return c.call(ctx, r, nil)
}

// RestoreDetectedGateway implements vcc.DefaultGatewayService.
func (c *Client) RestoreDetectedGateway(ctx context.Context, as vcc.Actor, networkID string, p vcc.Precondition) (restored *vcc.DefaultGateway, err error) {
	r := gatewayRequest(as, http.MethodDelete, networkID)
	r.header, r.query = conditionHeader(p), url.Values{"restoreDetected": {"true"}}
	err = c.call(ctx, r, func(a answer) error {
		if a.status == http.StatusNoContent {
			return nil
		}
		detected, err := readJSON[wireDefaultGateway](a)
		restored = &detected
		return err
	})
	if err != nil {
		return nil, err
	}
	return restored, nil
}

// DefaultGatewayChanges implements vcc.DefaultGatewayService.
func (c *Client) DefaultGatewayChanges(ctx context.Context, as vcc.Actor, networkID string, page vcc.Page) ([]vcc.Change, int, error) {
	return askList[wireChange](ctx, c, forTenant(as, http.MethodGet, "defaultGateways/"+url.PathEscape(networkID)+"/changes"), page)
}

// TenantGatewayChanges implements vcc.DefaultGatewayService. CodeInvalidValue: the server is of
// a release that has no such history.
func (c *Client) TenantGatewayChanges(ctx context.Context, as vcc.Actor, networkID string, page vcc.Page) ([]vcc.Change, int, error) {
	r := forTenant(as, http.MethodGet, "defaultGateways/"+url.PathEscape(networkID)+"/changes")
	r.query = url.Values{scopeQuery: {scopeTenant}}
	return askList[wireChange](ctx, c, r, page)
}

// NetworkRouting implements vcc.NetworkRoutingService.
func (c *Client) NetworkRouting(ctx context.Context, as vcc.Actor) (*vcc.NetworkRouting, error) {
	return ask[wireNetworkRouting](ctx, c, forTenant(as, http.MethodGet, "networkRouting"))
}

// PutNetworkRouting implements vcc.NetworkRoutingService.
func (c *Client) PutNetworkRouting(ctx context.Context, as vcc.Actor, enabled bool, p vcc.Precondition) (*vcc.NetworkRouting, error) {
	r := forTenant(as, http.MethodPut, "networkRouting")
	r.header, r.body = conditionHeader(p), wireNetworkRoutingSettings{enabled}
	return ask[wireNetworkRouting](ctx, c, r)
}

// ReplicationJobs implements vcc.ReplicationJobService.
func (c *Client) ReplicationJobs(ctx context.Context, as vcc.Actor, page vcc.Page) ([]vcc.ReplicationJob, int, error) {
	return askList[wireReplicationJob](ctx, c, forTenant(as, http.MethodGet, "replicationJobs"), page)
}

// RunReplicationJob implements vcc.ReplicationJobService.
func (c *Client) RunReplicationJob(ctx context.Context, as vcc.Actor, jobID string) (*vcc.JobRun, error) {
	return ask[wireJobRun](ctx, c, forTenant(as, http.MethodPost, "replicationJobs/"+url.PathEscape(jobID)+"/run"))
}

// FailoverPlans implements vcc.FailoverService.
func (c *Client) FailoverPlans(ctx context.Context, as vcc.Actor, page vcc.Page) ([]vcc.FailoverPlan, int, error) {
	return askList[wireFailoverPlan](ctx, c, forTenant(as, http.MethodGet, "failoverPlans"), page)
}

// planRequest is an operation on a failover plan, vmRequest one of partial site failover.
func planRequest(as vcc.Actor, planID, operation string) request {
	return forTenant(as, http.MethodPost, "failoverPlans/"+url.PathEscape(planID)+"/"+operation)
}

func vmRequest(as vcc.Actor, vm, operation string) request {
	return forTenant(as, http.MethodPost, "partialFailovers/"+url.PathEscape(vm)+"/"+operation)
}

// StartFailover implements vcc.FailoverService.
func (c *Client) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool) (*vcc.FailoverSession, error) {
	r := planRequest(as, planID, "start")
	if force {
		r.query = url.Values{"force": {"true"}}
	}
	return ask[wireFailoverSession](ctx, c, r)
}

// UndoFailover implements vcc.FailoverService.
func (c *Client) UndoFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return ask[wireFailoverSession](ctx, c, planRequest(as, planID, "undo"))
}

// TestFailover implements vcc.FailoverService. It is repeated after an answer that was lost, which may leave
// a report more than there were tests: both are true. The session has no ID where no report was kept.
func (c *Client) TestFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return ask[wireFailoverSession](withRepeats(ctx), c, planRequest(as, planID, "test"))
}

// FailoverSessions implements vcc.FailoverService. CodeNotFound: the server is of a release that has no such list.
func (c *Client) FailoverSessions(ctx context.Context, as vcc.Actor, f vcc.FailoverSessionFilter, page vcc.Page) ([]vcc.FailoverSession, int, error) {
	r := forTenant(as, http.MethodGet, "failoverSessions")
	r.query = url.Values{}
	for name, value := range map[string]string{planIDFilter: f.PlanID, kindFilter: string(f.Kind), operationFilter: string(f.Operation)} {
		if value != "" {
			r.query.Set(name, value)
		}
	}
	return askList[wireFailoverSession](ctx, c, r, page)
}

// FailoverSession implements vcc.FailoverService.
func (c *Client) FailoverSession(ctx context.Context, as vcc.Actor, id string) (*vcc.FailoverSession, error) {
	return ask[wireFailoverSession](ctx, c, forTenant(as, http.MethodGet, "failoverSessions/"+url.PathEscape(id)))
}

// StartPartialFailover implements vcc.FailoverService.
func (c *Client) StartPartialFailover(ctx context.Context, as vcc.Actor, vm string) (*vcc.FailoverSession, error) {
	return ask[wireFailoverSession](ctx, c, vmRequest(as, vm, "start"))
}

// StopPartialFailover implements vcc.FailoverService.
func (c *Client) StopPartialFailover(ctx context.Context, as vcc.Actor, vm string) (*vcc.FailoverSession, error) {
	return ask[wireFailoverSession](ctx, c, vmRequest(as, vm, "stop"))
}

// Appliances implements vcc.ApplianceService.
func (c *Client) Appliances(ctx context.Context, as vcc.Actor, page vcc.Page) ([]vcc.ApplianceState, int, error) {
	return askList[wireAppliance](ctx, c, forTenant(as, http.MethodGet, "networkExtensionAppliances"), page)
}

// Appliance implements vcc.ApplianceService.
func (c *Client) Appliance(ctx context.Context, as vcc.Actor, id string) (*vcc.ApplianceState, error) {
	return ask[wireAppliance](ctx, c, forTenant(as, http.MethodGet, "networkExtensionAppliances/"+url.PathEscape(id)))
}

// ApplianceSources implements vcc.ApplianceService. CodeNotFound is also the answer of a server of
// a release that does not tell.
func (c *Client) ApplianceSources(ctx context.Context, as vcc.Actor, id, known string) (*vcc.ApplianceSources, error) {
	r := forTenant(as, http.MethodGet, "networkExtensionAppliances/"+url.PathEscape(id)+"/inputs")
	if known != "" {
		r.header = http.Header{"If-None-Match": {strconv.Quote(known)}}
	}
	var sources vcc.ApplianceSources
	err := c.call(ctx, r, func(a answer) (err error) {
		sources, err = readJSON[wireApplianceSources](a)
		sources.Version = strings.Trim(a.etag, `"`)
		return err
	})
	switch {
	case errors.Is(err, errNotModified):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &sources, nil
}

// Trace implements vcc.ApplianceService. It takes vcc.MaxTraceRequests questions at most.
func (c *Client) Trace(ctx context.Context, as vcc.Actor, questions []vcc.TraceRequest, assume vcc.Assumption) (answers []vcc.Reachability, err error) {
	r := forTenant(as, http.MethodPost, "routeTrace")
	r.body = wireTraceRequest{Questions: convert(questions, newWireTraceQuestion), Assume: newWireAssumption(assume)}
	err = c.call(withRepeats(ctx), r, func(a answer) error {
		var w struct {
			Answers []wireReachability `json:"answers"`
		}
		if err := json.Unmarshal(a.content, &w); err != nil {
			return err
		}
		if len(w.Answers) != len(questions) {
			return fmt.Errorf("%d of %d questions have an answer; use a release of the provider that fits the backend", len(w.Answers), len(questions))
		}
		answers, err = decodeList("answers", w.Answers)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

// Matrix implements vcc.ApplianceService.
func (c *Client) Matrix(ctx context.Context, as vcc.Actor, request vcc.MatrixRequest, assume vcc.Assumption) (*vcc.ReachabilityMatrix, error) {
	r := forTenant(as, http.MethodPost, "reachabilityMatrix")
	r.body = newWireMatrixRequest(request, assume)
	return ask[wireMatrix](withRepeats(ctx), c, r)
}

// Lab implements vcc.LabService. CodeAccessDenied: the account is no operator's.
func (c *Client) Lab(ctx context.Context) (vcc.Lab, error) {
	lab, err := ask[wireLab](ctx, c, request{method: http.MethodGet, path: labPath})
	if err != nil {
		return vcc.Lab{}, err
	}
	return *lab, nil
}

// ApplyLab implements vcc.LabService. CodeAccessDenied: the account is no operator's. The
// changes of the outcome lack the hardware plans of networks.
func (c *Client) ApplyLab(ctx context.Context, lab vcc.ValidLab, remove []string) (vcc.LabOutcome, error) {
	return c.putLab(ctx, lab, remove, false)
}

// PreviewLab implements vcc.LabService, as ApplyLab does.
func (c *Client) PreviewLab(ctx context.Context, lab vcc.ValidLab, remove []string) (vcc.LabOutcome, error) {
	return c.putLab(ctx, lab, remove, true)
}

func (c *Client) putLab(ctx context.Context, lab vcc.ValidLab, remove []string, dryRun bool) (outcome vcc.LabOutcome, err error) {
	body := newWireLab(lab.Lab())
	body.Passwords = lab.Passwords()
	r := request{method: http.MethodPut, path: labPath, query: url.Values{"remove": remove}, body: body}
	if dryRun {
		r.query.Set("dryRun", strconv.FormatBool(dryRun))
	}
	refusal := ""
	err = c.call(ctx, r, func(a answer) error {
		var applied wireLabApplied
		if err := json.Unmarshal(a.content, &applied); err != nil {
			return err
		}
		refusal = applied.Refusal
		outcome, err = applied.decode()
		return err
	})
	switch {
	case err != nil:
		return vcc.LabOutcome{}, err
	case refusal != "":
		return outcome, &vcc.Error{Code: vcc.CodeConflict, Message: refusal}
	}
	return outcome, nil
}

// LastExport implements vcc.ServerExportService. CodeNotFound: there was none, or the server is of a
// release that takes none.
func (c *Client) LastExport(ctx context.Context, as vcc.Actor) (*vcc.LastExport, error) {
	return ask[wireLastExport](ctx, c, forTenant(as, http.MethodGet, "lastExport"))
}

// ImportServerExport implements vcc.ServerExportService.
func (c *Client) ImportServerExport(ctx context.Context, as vcc.Actor, e vcc.ServerExport, dryRun bool) (vcc.ImportOutcome, error) {
	r := forTenant(as, http.MethodPut, "lastExport")
	r.body = newWireServerExport(e)
	if dryRun {
		r.query = url.Values{"dryRun": {"true"}}
	}
	outcome, err := ask[wireImport](ctx, c, r)
	if err != nil {
		return vcc.ImportOutcome{}, err
	}
	return *outcome, nil
}
