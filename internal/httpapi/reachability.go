package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TraceQuestion asks whether something would be reached after full site failover.
type TraceQuestion struct {
	Source      string `json:"source" example:"web01" doc:"A VM of the site by its name, an IP address, or internet"`
	Destination string `json:"destination" example:"172.17.54.20" doc:"As the source"`
	Protocol    string `json:"protocol" example:"tcp" doc:"tcp, udp or icmp"`
	Port        *int   `json:"port,omitempty" doc:"The destination's; none with icmp"`
	Unwanted    bool   `json:"unwanted,omitempty" doc:"The destination should not be reached. Of several ways, as a VM with several adapters has, the one that is answered is the first that is not as it should be"`
}

// TraceRequest is a POST of one question or of many, with what they take for granted.
type TraceRequest struct {
	Source      string          `json:"source,omitempty" example:"web01" doc:"One question: a VM of the site by its name, an IP address, or internet"`
	Destination string          `json:"destination,omitempty" example:"172.17.54.20" doc:"As the source"`
	Protocol    string          `json:"protocol,omitempty" example:"tcp" doc:"tcp, udp or icmp"`
	Port        *int            `json:"port,omitempty" doc:"The destination's; none with icmp"`
	Unwanted    bool            `json:"unwanted,omitempty" doc:"As in questions"`
	Questions   []TraceQuestion `json:"questions,omitempty" minItems:"1" maxItems:"1000" doc:"Many questions, in place of the one"`
	Assume      *Assumption     `json:"assume,omitempty"`
}

// Assumption is laid over what is stored, and held to the same rules.
type Assumption struct {
	Gateways       []AssumedGateway `json:"gateways,omitempty" doc:"Gateways in place of what their networks have"`
	Removals       []string         `json:"removals,omitempty" doc:"IDs of networks that have no gateway"`
	RoutingEnabled *bool            `json:"routingEnabled,omitempty" doc:"The routing option; as it is stored where left out"`
}

// AssumedGateway is the gateway that a network would have.
type AssumedGateway struct {
	NetworkID string `json:"networkId"`
	GatewaySettings
}

// TracedPacket is what became of a packet.
type TracedPacket struct {
	Verdict     string      `json:"verdict" enum:"forwarded,delivered,dropped"`
	Reason      string      `json:"reason"`
	Steps       []TraceStep `json:"steps"`
	Source      string      `json:"source" doc:"As it leaves the appliance, with its port where the protocol has any"`
	Destination string      `json:"destination" doc:"As the source"`
}

// TraceStep is one step of a decision.
type TraceStep struct {
	Kind      string `json:"kind" enum:"arriving,rule,destination_nat,source_nat,route,leaving,outside"`
	Message   string `json:"message"`
	Interface string `json:"interface" doc:"Where the packet arrives or leaves, else empty"`
	From      string `json:"from" doc:"Of a translation, else empty"`
	To        string `json:"to" doc:"Of a translation, else empty"`
	Route     string `json:"route" doc:"Destination of the route taken, else empty"`
}

// Reachability is the outcome of a trace.
type Reachability struct {
	Reachable   bool   `json:"reachable" doc:"Whether the request arrives and its reply gets back, on ways that exist"`
	Explanation string `json:"explanation" doc:"One sentence with the cause and, where there is one, the way out"`
	TracedPacket
	Reply     *TracedPacket `json:"reply" required:"false" doc:"The same for the reply; null where the request is dropped"`
	Addresses []string      `json:"addresses" doc:"All that the answer depends on: a gateway whose network has none of them, before and after a change, changes nothing about it"`
}

// TraceAnswer is the answer to one question, or has those to many.
type TraceAnswer struct {
	*Reachability
	Answers []Reachability `json:"answers,omitempty" doc:"With questions, in their order, and nothing else"`
}

func newTracedPacket(p vcc.TracedPacket) TracedPacket {
	return TracedPacket{
		Verdict: p.Verdict, Reason: p.Reason, Source: vcc.FormatEnd(p.Source), Destination: vcc.FormatEnd(p.Destination),
		Steps: convert(p.Steps, func(s vcc.TraceStep) TraceStep { return TraceStep(s) }),
	}
}

func newReachability(r vcc.Reachability) Reachability {
	wire := Reachability{
		Reachable: r.Reachable, Explanation: r.Explanation, TracedPacket: newTracedPacket(r.TracedPacket),
		Addresses: convert(r.Addresses, netip.Addr.String),
	}
	if r.Reply != nil {
		reply := newTracedPacket(*r.Reply)
		wire.Reply = &reply
	}
	return wire
}

// parse returns the questions of a request. The fields of the error begin with
// "questions[N]", also where there is one question in the place of many.
func (r TraceRequest) parse() ([]vcc.TraceRequest, error) {
	single := TraceQuestion{r.Source, r.Destination, r.Protocol, r.Port, r.Unwanted}
	questions := r.Questions
	if len(questions) == 0 {
		questions = []TraceQuestion{single}
	} else if single != (TraceQuestion{}) {
		return nil, invalid("questions", "one question and many exclude each other")
	}
	var wrong []error
	parsed := make([]vcc.TraceRequest, len(questions))
	for i, q := range questions {
		var err error
		if parsed[i], err = vcc.ParseTraceRequest(q.Source, q.Destination, q.Protocol, q.Port); err != nil {
			wrong = append(wrong, vcc.Within(fmt.Sprintf("questions[%d]", i), err))
		}
		parsed[i].Unwanted = q.Unwanted
	}
	return parsed, errors.Join(wrong...)
}

// parse returns the domain's form, of nil the zero value. The fields of the error are
// paths in this form.
func (a *Assumption) parse() (vcc.Assumption, error) {
	if a == nil {
		return vcc.Assumption{}, nil
	}
	assumed := vcc.Assumption{Removals: a.Removals, RoutingEnabled: a.RoutingEnabled}
	var wrong []error
	for i, g := range a.Gateways {
		settings, err := g.Parse()
		if err != nil {
			wrong = append(wrong, vcc.Within(fmt.Sprintf("assume.gateways[%d]", i), err))
		}
		assumed.Gateways = append(assumed.Gateways, vcc.AssumedGateway{NetworkID: g.NetworkID, GatewaySettings: settings})
	}
	return assumed, errors.Join(wrong...)
}

// TraceInput is a POST of a trace.
type TraceInput struct{ Body TraceRequest }

func (s *server) registerTrace() {
	handle(s, http.MethodPost, "routeTrace", "Say what would be reached after full site failover, and why",
		func(ctx context.Context, as vcc.Actor, in *TraceInput) (*Body[TraceAnswer], error) {
			many := len(in.Body.Questions) > 0
			answers, err := s.trace(ctx, as, in.Body)
			switch {
			case err != nil && !many:
				return nil, ofTheOne(err)
			case err != nil:
				return nil, err
			case !many:
				return &Body[TraceAnswer]{TraceAnswer{Reachability: &answers[0]}}, nil
			}
			return &Body[TraceAnswer]{TraceAnswer{Answers: answers}}, nil
		})
}

func (s *server) trace(ctx context.Context, as vcc.Actor, r TraceRequest) ([]Reachability, error) {
	questions, err := r.parse()
	assumed, assumedErr := r.Assume.parse()
	if err := errors.Join(err, assumedErr); err != nil {
		return nil, err
	}
	answers, err := s.Services.Trace(ctx, as, questions, assumed)
	return convert(answers, newReachability), err
}

// ofTheOne names the fields of a question as they stand in a request of one.
func ofTheOne(err error) error {
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

// Trace answers one question as after full site failover. CodeInvalidValue: the
// question is wrong.
func (c *Client) Trace(ctx context.Context, q TraceQuestion) (*Reachability, error) {
	return post[Reachability](withRepeats(ctx), c, "routeTrace", q)
}

// TraceAll answers questions, vcc.MaxTraceRequests at most, with an assumption laid over
// what is stored; nil for none. CodeInvalidValue, CodeConflict: as
// vcc.ApplianceService says.
func (c *Client) TraceAll(ctx context.Context, questions []TraceQuestion, assume *Assumption) ([]Reachability, error) {
	answer, err := post[TraceAnswer](withRepeats(ctx), c, "routeTrace", TraceRequest{Questions: questions, Assume: assume})
	if err != nil {
		return nil, err
	}
	if len(answer.Answers) != len(questions) {
		return nil, fmt.Errorf("the server answered %d of %d questions; use a release of the provider that fits the backend", len(answer.Answers), len(questions))
	}
	return answer.Answers, nil
}
