package httpapi

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireTraceQuestion asks whether something would be reached after full site failover.
type wireTraceQuestion struct {
	Source      string `json:"source" example:"web01" doc:"A VM of the site by its name, an IP address, or internet"`
	Destination string `json:"destination" example:"172.17.54.20" doc:"As the source"`
	Protocol    string `json:"protocol" example:"tcp" doc:"tcp, udp or icmp"`
	Port        *int   `json:"port,omitempty" doc:"The destination's; none with icmp"`
	Unwanted    bool   `json:"unwanted,omitempty" doc:"The destination should not be reached. Of several ways, as a VM with several adapters has, the one that is answered is the first that is not as it should be"`
	Reason      string `json:"reason,omitempty" example:"routing_enabled" doc:"What should settle whether the destination is reached; any reason will do where it is left out"`
}

// wireTraceRequest is a POST of one question or of many, with what they take for granted.
type wireTraceRequest struct {
	Source      string              `json:"source,omitempty" example:"web01" doc:"One question: a VM of the site by its name, an IP address, or internet"`
	Destination string              `json:"destination,omitempty" example:"172.17.54.20" doc:"As the source"`
	Protocol    string              `json:"protocol,omitempty" example:"tcp" doc:"tcp, udp or icmp"`
	Port        *int                `json:"port,omitempty" doc:"The destination's; none with icmp"`
	Unwanted    bool                `json:"unwanted,omitempty" doc:"As in questions"`
	Reason      string              `json:"reason,omitempty" doc:"As in questions"`
	Questions   []wireTraceQuestion `json:"questions,omitempty" minItems:"1" maxItems:"1000" doc:"Many questions, in place of the one. Together they may be about 16384 pairs of addresses: two VMs have one for each pair of their addresses of one family"`
	Assume      *wireAssumption     `json:"assume,omitempty"`
}

// wireAssumption is laid over what is stored, and held to the same rules.
type wireAssumption struct {
	Gateways       []wireAssumedGateway      `json:"gateways,omitempty" doc:"Gateways in place of what their networks have"`
	Removals       []string                  `json:"removals,omitempty" doc:"IDs of networks that have no gateway"`
	RoutingEnabled *bool                     `json:"routingEnabled,omitempty" doc:"The routing option; as it is stored where left out"`
	FailoverPlans  []wireAssumedFailoverPlan `json:"failoverPlans,omitempty" doc:"Failover plans with these public IP rules in place of those that plans of their names have; without rules, plans that are gone"`
}

// wireAssumedFailoverPlan is a failover plan as it would be.
type wireAssumedFailoverPlan struct {
	Name          string             `json:"name"`
	PublicIPRules []wirePublicIPRule `json:"publicIpRules"`
}

// wireAssumedGateway is the gateway that a network would have.
type wireAssumedGateway struct {
	NetworkID string `json:"networkId"`
	wireGatewaySettings
}

// wireTracedPacket is what became of a packet.
type wireTracedPacket struct {
	Verdict     vcc.Verdict     `json:"verdict" enum:"forwarded,delivered,dropped"`
	Reason      vcc.Reason      `json:"reason"`
	Steps       []wireTraceStep `json:"steps"`
	Source      string          `json:"source" doc:"As it leaves the appliance, with its port where the protocol has any"`
	Destination string          `json:"destination" doc:"As the source"`
}

// wireTraceStep is one step of a decision.
type wireTraceStep struct {
	Kind      vcc.StepKind `json:"kind" enum:"arriving,rule,destination_nat,source_nat,route,leaving,outside"`
	Message   string       `json:"message"`
	Interface string       `json:"interface" doc:"Where the packet arrives or leaves, else empty"`
	From      string       `json:"from" doc:"Of a translation, else empty"`
	To        string       `json:"to" doc:"Of a translation, else empty"`
	Route     string       `json:"route" doc:"Destination of the route taken, else empty"`
}

// wireReachability is the outcome of a trace.
type wireReachability struct {
	Reachable   bool   `json:"reachable" doc:"Whether the request arrives and its reply gets back, on ways that exist"`
	Explanation string `json:"explanation" doc:"One sentence with the cause and, where there is one, the way out"`
	wireTracedPacket
	Reply     *wireTracedPacket `json:"reply" required:"false" doc:"The same for the reply; null where the request is dropped"`
	Addresses []string          `json:"addresses" doc:"All that the answer depends on: a gateway whose network has none of them, before and after a change, changes nothing about it"`
}

// wireTraceAnswer is the answer to one question, or has those to many.
type wireTraceAnswer struct {
	*wireReachability
	Answers []wireReachability `json:"answers,omitempty" doc:"With questions, in their order, and nothing else"`
}

// TransformSchema is for huma.
func (wireAssumedGateway) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireGatewaySettings](r, s)
}

// TransformSchema is for huma.
func (wireReachability) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireTracedPacket](r, s)
}

// TransformSchema is for huma.
func (wireTraceAnswer) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireReachability](r, s)
}

func newWireTraceQuestion(r vcc.TraceRequest) wireTraceQuestion {
	q := wireTraceQuestion{Source: r.Source.String(), Destination: r.Destination.String(), Protocol: r.Protocol, Unwanted: r.Unwanted, Reason: string(r.Reason)}
	if r.Port != 0 {
		q.Port = &r.Port
	}
	return q
}

// newWireAssumption writes an assumption, the zero value as nil.
func newWireAssumption(a vcc.Assumption) *wireAssumption {
	if a.IsEmpty() {
		return nil
	}
	return &wireAssumption{
		Gateways: convertOrNil(a.Gateways, func(g vcc.AssumedGateway) wireAssumedGateway {
			return wireAssumedGateway{g.NetworkID, newWireGatewaySettings(g.GatewaySettings)}
		}),
		Removals: a.Removals, RoutingEnabled: a.RoutingEnabled,
		FailoverPlans: convertOrNil(a.FailoverPlans, func(p vcc.AssumedFailoverPlan) wireAssumedFailoverPlan {
			return wireAssumedFailoverPlan{p.Name, convert(p.PublicIPRules, newWirePublicIPRule)}
		}),
	}
}

// parse returns the questions of a request. The fields of the error begin with
// "questions[N]", also where there is one question in the place of many.
func (w wireTraceRequest) parse() ([]vcc.TraceRequest, error) {
	single := wireTraceQuestion{w.Source, w.Destination, w.Protocol, w.Port, w.Unwanted, w.Reason}
	questions := w.Questions
	if len(questions) == 0 {
		questions = []wireTraceQuestion{single}
	} else if single != (wireTraceQuestion{}) {
		return nil, invalid("questions", "one question and many exclude each other")
	}
	var errs []error
	parsed := make([]vcc.TraceRequest, len(questions))
	for i, q := range questions {
		wanted := !q.Unwanted
		check, err := vcc.ParseCheck(q.Source, q.Destination, q.Protocol, q.Port, &wanted, q.Reason)
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("questions[%d]", i), err))
		}
		parsed[i] = check.TraceRequest
	}
	return parsed, errors.Join(errs...)
}

// parse returns the domain's form, of nil the zero value. The fields of the error are
// paths in this form.
func (w *wireAssumption) parse() (vcc.Assumption, error) {
	if w == nil {
		return vcc.Assumption{}, nil
	}
	assumed := vcc.Assumption{Removals: w.Removals, RoutingEnabled: w.RoutingEnabled}
	var errs []error
	for i, g := range w.Gateways {
		settings, err := g.parse()
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("assume.gateways[%d]", i), err))
		}
		assumed.Gateways = append(assumed.Gateways, vcc.AssumedGateway{NetworkID: g.NetworkID, GatewaySettings: settings})
	}
	for i, p := range w.FailoverPlans {
		rules, err := parsePublicIPRules(p.PublicIPRules)
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("assume.failoverPlans[%d]", i), err))
		}
		assumed.FailoverPlans = append(assumed.FailoverPlans, vcc.AssumedFailoverPlan{Name: p.Name, PublicIPRules: rules})
	}
	return assumed, errors.Join(errs...)
}

// singleQuestion names the fields of a question as they stand in a request of one.
func singleQuestion(err error) error {
	var moved []error
	for _, e := range vcc.Errors(err) {
		e := *e
		e.Field = strings.TrimPrefix(e.Field, "questions[0].")
		moved = append(moved, &e)
	}
	if moved == nil {
		return err
	}
	return errors.Join(moved...)
}

func newWireTracedPacket(p vcc.TracedPacket) wireTracedPacket {
	return wireTracedPacket{
		Verdict: p.Verdict, Reason: p.Reason, Source: vcc.FormatEnd(p.Source), Destination: vcc.FormatEnd(p.Destination),
		Steps: convert(p.Steps, func(s vcc.TraceStep) wireTraceStep {
			w := wireTraceStep{Kind: s.Kind, Message: s.Message, Interface: s.Interface, Route: optionalText(s.Route)}
			if s.From.IsValid() {
				w.From = vcc.FormatEnd(s.From)
			}
			if s.To.IsValid() {
				w.To = vcc.FormatEnd(s.To)
			}
			return w
		}),
	}
}

func (w wireTraceStep) decode() (vcc.TraceStep, error) {
	var r textReader
	return vcc.TraceStep{
		Kind: w.Kind, Message: w.Message, Interface: w.Interface,
		From: r.formattedEnd("from", w.From), To: r.formattedEnd("to", w.To),
		Route: readOptionalText(&r, "route", w.Route, netip.ParsePrefix),
	}, r.err
}

func (w wireTracedPacket) decode() (vcc.TracedPacket, error) {
	steps, err := decodeList("steps", w.Steps)
	if err != nil {
		return vcc.TracedPacket{}, err
	}
	var r textReader
	return vcc.TracedPacket{
		Verdict: w.Verdict, Reason: w.Reason, Steps: steps,
		Source: readText(&r, "source", w.Source, vcc.ParseFormattedEnd), Destination: readText(&r, "destination", w.Destination, vcc.ParseFormattedEnd),
	}, r.err
}

func newWireReachability(r vcc.Reachability) wireReachability {
	w := wireReachability{
		Reachable: r.Reachable, Explanation: r.Explanation, wireTracedPacket: newWireTracedPacket(r.TracedPacket),
		Addresses: convert(r.Addresses, netip.Addr.String),
	}
	if r.Reply != nil {
		reply := newWireTracedPacket(*r.Reply)
		w.Reply = &reply
	}
	return w
}

func (w wireReachability) decode() (vcc.Reachability, error) {
	request, err := w.wireTracedPacket.decode()
	if err != nil {
		return vcc.Reachability{}, err
	}
	reply, err := decodeOptional("reply", w.Reply)
	if err != nil {
		return vcc.Reachability{}, err
	}
	var r textReader
	return vcc.Reachability{
		Reachable: w.Reachable, Explanation: w.Explanation, TracedPacket: request, Reply: reply,
		Addresses: r.addresses("addresses", w.Addresses),
	}, r.err
}
