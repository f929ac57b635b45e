package window

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// reachabilityForm is the form above the table of who reaches whom, as it was typed. It is sent by
// GET, so that an address in the browser is a question.
type reachabilityForm struct {
	Protocol, Port string
	// Routing is what to assume of the routing option: "on", "off", or "" for as it is stored.
	Routing string
	// Network is the name or the ID of the cloud network whose gateway is edited, "" for none. With
	// None it has no gateway; else it has the settings of the families that have any.
	Network                                string
	None                                   bool
	IPv4Address, SubnetMask                string
	IPv6Network, PrefixLength, IPv6Address string
	// Rows and Columns say how many VMs to leave out on each side.
	Rows, Columns int
	// Source and Destination are those of a single question.
	Source, Destination string
}

// The names of the form's fields, which stand in addresses.
var reachabilityFields = []struct {
	name  string
	value func(*reachabilityForm) *string
}{
	{"protocol", func(f *reachabilityForm) *string { return &f.Protocol }},
	{"port", func(f *reachabilityForm) *string { return &f.Port }},
	{"routing", func(f *reachabilityForm) *string { return &f.Routing }},
	{"network", func(f *reachabilityForm) *string { return &f.Network }},
	{"ipv4.address", func(f *reachabilityForm) *string { return &f.IPv4Address }},
	{"ipv4.subnetMask", func(f *reachabilityForm) *string { return &f.SubnetMask }},
	{"ipv6.network", func(f *reachabilityForm) *string { return &f.IPv6Network }},
	{"ipv6.prefixLength", func(f *reachabilityForm) *string { return &f.PrefixLength }},
	{"ipv6.address", func(f *reachabilityForm) *string { return &f.IPv6Address }},
	{"source", func(f *reachabilityForm) *string { return &f.Source }},
	{"destination", func(f *reachabilityForm) *string { return &f.Destination }},
}

// readReachabilityForm reads a query. Without any it asks for the web over TLS.
func readReachabilityForm(query url.Values) reachabilityForm {
	var f reachabilityForm
	for _, field := range reachabilityFields {
		*field.value(&f) = strings.TrimSpace(query.Get(field.name))
	}
	if f.Protocol == "" {
		f.Protocol, f.Port = "tcp", "443"
	}
	if f.Protocol == "icmp" {
		f.Port = ""
	}
	f.None = query.Get("none") != ""
	skip := func(name string) int {
		n, err := strconv.Atoi(query.Get(name))
		if err != nil {
			return 0
		}
		return max(0, n)
	}
	f.Rows, f.Columns = skip("rows"), skip("columns")
	return f
}

// query is the inverse of readReachabilityForm, encoded.
func (f reachabilityForm) query() string {
	query := url.Values{}
	for _, field := range reachabilityFields {
		if value := *field.value(&f); value != "" {
			query.Set(field.name, value)
		}
	}
	if f.None {
		query.Set("none", "true")
	}
	for name, n := range map[string]int{"rows": f.Rows, "columns": f.Columns} {
		if n > 0 {
			query.Set(name, strconv.Itoa(n))
		}
	}
	return query.Encode()
}

// port is the port, nil where none was typed.
func (f reachabilityForm) port() (*int, error) {
	if f.Port == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(f.Port)
	if err != nil {
		return nil, &vcc.Error{Code: vcc.CodeInvalidValue, Field: "port", Message: vcc.Message("%q is not a port; use 1 to 65535", f.Port)}
	}
	return &n, nil
}

// isTyped reports whether anything is typed of a gateway.
func (f reachabilityForm) isTyped() bool {
	return f.IPv4Address+f.SubnetMask+f.IPv6Network+f.PrefixLength+f.IPv6Address != ""
}

// assumption is what the form assumes. The fields of the error are those of the form.
func (f reachabilityForm) assumption(networks []vcc.Network) (vcc.Assumption, error) {
	var a vcc.Assumption
	if f.Routing != "" {
		on := f.Routing == "on"
		a.RoutingEnabled = &on
	}
	if f.Network == "" {
		if f.isTyped() || f.None {
			return a, &vcc.Error{Code: vcc.CodeInvalidValue, Field: "network", Message: "the name of the cloud network is required whose gateway is edited"}
		}
		return a, nil
	}
	network, found := vcc.Find(networks, f.Network, func(n vcc.Network) (string, string) { return n.ID, n.Name })
	if !found {
		names := make([]string, len(networks))
		for i, n := range networks {
			names[i] = n.Name
		}
		return a, &vcc.Error{Code: vcc.CodeInvalidValue, Field: "network", Message: vcc.Message("there is no cloud network %q; ", f.Network) + vcc.DidYouMean(f.Network, names)}
	}
	if f.None {
		a.Removals = []string{network.ID}
		return a, nil
	}
	settings, err := f.settings()
	if err == nil {
		err = settings.Validate()
	}
	a.Gateways = []vcc.AssumedGateway{{NetworkID: network.ID, GatewaySettings: settings}}
	return a, err
}

// settings are those of the edited gateway. The fields of the error are those of the form.
func (f reachabilityForm) settings() (vcc.GatewaySettings, error) {
	var s vcc.GatewaySettings
	var errs []error
	if f.IPv4Address+f.SubnetMask != "" {
		v4, err := vcc.ParseIPv4Settings(f.IPv4Address, f.SubnetMask)
		s.IPv4 = &v4
		errs = append(errs, vcc.Within("ipv4", err))
	}
	if f.IPv6Network+f.PrefixLength+f.IPv6Address != "" {
		length, err := strconv.Atoi(f.PrefixLength)
		if err != nil {
			errs = append(errs, &vcc.Error{Code: vcc.CodeInvalidValue, Field: "ipv6.prefixLength", Message: vcc.Message("%q is not a prefix length; use 1 to 128", f.PrefixLength)})
		} else {
			v6, err := vcc.ParseIPv6Settings(f.IPv6Address, f.IPv6Network, length)
			s.IPv6 = &v6
			errs = append(errs, vcc.Within("ipv6", err))
		}
	}
	return s, errors.Join(errs...)
}

// formErrors are the messages of errors by the fields of the form. Others are at "".
func formErrors(err error) map[string]string {
	messages := map[string]string{}
	for _, e := range vcc.Errors(err) {
		field := strings.TrimPrefix(e.Field, "assume.")
		for _, parent := range []string{"gateways[0].", "gateways[0]", "questions[0]."} {
			field = strings.TrimPrefix(field, parent)
		}
		if strings.HasPrefix(field, "removals") || field == "networkId" {
			field = "network"
		}
		known := false
		for _, f := range reachabilityFields {
			known = known || f.name == field
		}
		message := e.Message
		if !known {
			field, message = "", e.Error()
		}
		if messages[field] != "" {
			message = messages[field] + "; " + message
		}
		messages[field] = message
	}
	return messages
}
