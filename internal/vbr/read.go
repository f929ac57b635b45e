package vbr

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Document is what a backup server had when its export was made.
type Document struct {
	// Raw says that the file is the output of Get-VBRDefaultGatewayConfiguration itself, which says neither of
	// which server nor of which time it is, nor how a service provider is called.
	Raw       bool
	Providers []Provider
}

// Provider is a service provider that a backup server is connected to.
type Provider struct {
	vcc.ServerExport
	// Failure is why the server said nothing of it, "" where it did.
	Failure string
	// Platforms are the platforms of hardware plans, as far as they are known, by the names of networks.
	Platforms map[string]vcc.Platform
}

// Read reads an export: the document of the export script, or the output of
// Get-VBRDefaultGatewayConfiguration | ConvertTo-Json in any form that PowerShell gives it. It is read whole
// or refused. The errors are sentences about "it", the file; values are checked by vcc.ServerExport.Validate later,
// when a provider was chosen.
func Read(from io.Reader) (Document, error) {
	content, err := readText(from)
	if err != nil {
		return Document{}, err
	}
	if err := checkWhole(content); err != nil {
		return Document{}, err
	}
	var head struct {
		Format    json.RawMessage
		Providers json.RawMessage
	}
	if kind(content) == '{' {
		if err := json.Unmarshal(content, &head); err != nil {
			return Document{}, unreadable(err)
		}
	}
	if head.Format != nil || head.Providers != nil {
		return readExport(content, head.Format)
	}
	return readRaw(content)
}

// checkWhole checks that the text is one value in JSON.
func checkWhole(content []byte) error {
	var syntax *json.SyntaxError
	var value json.RawMessage
	switch err := json.Unmarshal(content, &value); {
	case err == nil:
		return nil
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(content)):
		return errors.New("it ends in the middle: it was cut off. Export again")
	case errors.As(err, &syntax) && kind(content) != '{' && kind(content) != '[':
		return fmt.Errorf("it is not JSON; it begins with %s", clip(content))
	default:
		return fmt.Errorf("it is not one document in JSON: %w", unreadable(err))
	}
}

// unreadable is an error of the decoder in words of ours.
func unreadable(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("it has a %s where something else belongs (%s)", shorten(kind.Value), shorten(kind.Field))
	}
	return err
}

// readExport reads the document of the export script.
func readExport(content []byte, format json.RawMessage) (Document, error) {
	if string(format) != strconv.Itoa(ExportFormat) {
		if format == nil {
			return Document{}, errors.New("it has no format; it was cut off, or it is no export")
		}
		return Document{}, fmt.Errorf("its format is %s, and this release reads format %d; use the export script of this release, or the release that wrote the script", clip(format), ExportFormat)
	}
	var form exportForm
	if err := json.Unmarshal(content, &form); err != nil {
		return Document{}, unreadable(err)
	}
	source := vcc.ExportSource{Server: string(form.Server)}
	at, err := time.Parse(time.RFC3339Nano, string(form.ExportedAt))
	if err != nil {
		return Document{}, fmt.Errorf("its exportedAt is %q, which is no time such as 2026-11-28T05:45:09Z", shorten(string(form.ExportedAt)))
	}
	if source.Server == "" {
		return Document{}, errors.New("it does not say of which server it is")
	}
	source.ExportedAt = at.UTC().Truncate(time.Microsecond)
	if len(form.Providers) == 0 {
		return Document{}, errors.New("it has no service provider: the backup server is connected to none")
	}
	var d Document
	for _, p := range form.Providers {
		source.Provider, source.ProviderID = string(p.Name), strings.ToLower(string(p.ID))
		if p.Error != "" {
			d.Providers = append(d.Providers, Provider{ServerExport: vcc.ServerExport{ExportSource: source}, Failure: string(p.Error)})
			continue
		}
		read, err := newProvider(source, p.RoutingEnabled, p.Gateways, p.Networks)
		if err != nil {
			return Document{}, err
		}
		d.Providers = append(d.Providers, read)
	}
	return d, nil
}

// readRaw reads the output of the cmdlet.
func readRaw(content []byte) (Document, error) {
	var configurations list[configurationForm]
	if err := json.Unmarshal(content, &configurations); err != nil {
		return Document{}, unreadable(err)
	}
	if len(configurations) == 0 {
		return Document{}, errors.New("it has no configuration of default gateways: the backup server is connected to no service provider")
	}
	d := Document{Raw: true}
	for _, c := range configurations {
		if c.ProviderID == "" || c.DefaultGateway == nil {
			return Document{}, errors.New("it is neither an export nor the output of Get-VBRDefaultGatewayConfiguration: that has ProviderId and DefaultGateway")
		}
		var gateways list[gatewayForm]
		if err := json.Unmarshal(c.DefaultGateway, &gateways); err != nil {
			return Document{}, unreadable(err)
		}
		read, err := newProvider(vcc.ExportSource{ProviderID: strings.ToLower(string(c.ProviderID))}, c.RoutingEnabled, gateways, nil)
		if err != nil {
			return Document{}, err
		}
		d.Providers = append(d.Providers, read)
	}
	return d, nil
}

// newProvider puts together what a server says of one service provider: gateways and networks of
// one name are of one network.
func newProvider(source vcc.ExportSource, routing truth, gateways []gatewayForm, networks []networkForm) (Provider, error) {
	if routing.value == nil {
		return Provider{}, errors.New("it does not say whether traffic is routed (RoutingEnabled)")
	}
	p := Provider{Platforms: map[string]vcc.Platform{}, ServerExport: vcc.ServerExport{ExportSource: source, RoutingEnabled: *routing.value}}
	index := map[string]int{}
	for _, g := range gateways {
		key := vcc.NormalName(string(g.Name))
		if _, twice := index[key]; twice {
			return Provider{}, fmt.Errorf("it has two default gateways named %s; networks are matched by their names, so no two can have one", vcc.Clip(string(g.Name)))
		}
		settings, err := g.settings()
		if err != nil {
			return Provider{}, fmt.Errorf("the default gateway of %s: %w. Correct it on the backup server, and export again", vcc.Clip(string(g.Name)), err)
		}
		index[key] = len(p.Networks)
		p.Networks = append(p.Networks, vcc.ExportedNetwork{Name: string(g.Name), GatewayID: strings.ToLower(string(g.ID)), Gateway: settings})
	}
	listed := map[string]bool{}
	for _, n := range networks {
		key := vcc.NormalName(string(n.Name))
		if listed[key] {
			return Provider{}, fmt.Errorf("it has two cloud networks named %s; networks are matched by their names, so no two can have one", vcc.Clip(string(n.Name)))
		}
		listed[key] = true
		i, known := index[key]
		if !known {
			i = len(p.Networks)
			p.Networks = append(p.Networks, vcc.ExportedNetwork{Name: string(n.Name)})
		}
		p.Networks[i].NetworkID = strings.ToLower(string(n.ID))
		if platform, known := parsePlatform(string(n.Platform)); known {
			p.Platforms[p.Networks[i].Name] = platform
		}
	}
	return p, nil
}

// parsePlatform reads a VBRPlatform by its name. As a number it says nothing: the numbers are not documented.
func parsePlatform(s string) (vcc.Platform, bool) {
	switch s = strings.ToLower(s); {
	case strings.Contains(s, "vmware"):
		return vcc.PlatformVMware, true
	case strings.Contains(s, "hyper"):
		return vcc.PlatformHyperV, true
	}
	return "", false
}

// settings returns the settings of a gateway, nil where none are set. How the cmdlets show what is not
// set is not documented: null, an empty text, a missing key and the unspecified address count as that, and so
// do a mask or a prefix length beside no address (our decision).
func (g gatewayForm) settings() (*vcc.GatewaySettings, error) {
	address, mask := set(g.IPAddress), set(g.NetworkMask)
	address6, network6 := set(g.IPv6Address), set(g.IPv6SubnetAddress)
	var s vcc.GatewaySettings
	var errs [2]error
	switch {
	case address != "" && mask == "":
		errs[0] = fmt.Errorf("it has the address %s and no subnet mask", shorten(address))
	case address != "":
		v4, err := vcc.ParseIPv4Settings(address, mask)
		s.IPv4, errs[0] = &v4, err
	}
	switch {
	case address6 == "" && network6 != "":
		errs[1] = fmt.Errorf("it has the IPv6 network %s and no address", shorten(network6))
	case address6 != "" && network6 == "":
		errs[1] = fmt.Errorf("it has the IPv6 address %s and no network", shorten(address6))
	case address6 != "":
		length, err := strconv.Atoi(strings.TrimSpace(string(g.IPv6PrefixLength)))
		if err != nil {
			errs[1] = fmt.Errorf("its IPv6 prefix length is %q", shorten(string(g.IPv6PrefixLength)))
			break
		}
		v6, err := vcc.ParseIPv6Settings(address6, network6, length)
		s.IPv6, errs[1] = &v6, err
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if s.IPv4 == nil && s.IPv6 == nil {
		return nil, nil
	}
	return &s, nil
}

// set returns a value, "" where it is one that stands for none.
func set(t text) string {
	s := strings.TrimSpace(string(t))
	if a, err := netip.ParseAddr(s); err == nil && a.IsUnspecified() {
		return ""
	}
	return s
}

// Select returns what the document has of a service provider. nameOrID may be empty where there is one
// provider, or where one of them is that of the export that was imported last; last may be nil.
// In raw output a provider has no name: nameOrID gives it one, or last does, if the ID is the same.
func (d Document) Select(nameOrID string, last *vcc.LastExport) (vcc.ServerExport, error) {
	p, err := d.find(nameOrID, last)
	if err != nil {
		return vcc.ServerExport{}, err
	}
	if p.Failure != "" {
		return vcc.ServerExport{}, fmt.Errorf("the backup server said nothing of service provider %q: %s. Nothing was changed", p.Provider, shortened(p.Failure))
	}
	e := p.ServerExport
	if e.Provider == "" {
		switch {
		case last != nil && last.ProviderID == e.ProviderID:
			e.Provider = last.Provider
		case nameOrID != "" && !strings.EqualFold(nameOrID, e.ProviderID):
			e.Provider = nameOrID
		default:
			return vcc.ServerExport{}, errors.New("it is the output of the cmdlet, which does not say how the service provider is called; name it with --provider")
		}
	}
	if err := e.Validate(); err != nil {
		return vcc.ServerExport{}, err
	}
	return e, nil
}

func (d Document) find(nameOrID string, last *vcc.LastExport) (Provider, error) {
	if nameOrID == "" && last != nil {
		for _, p := range d.Providers {
			if p.ProviderID == last.ProviderID || p.Provider != "" && vcc.SameName(p.Provider, last.Provider) {
				return p, nil
			}
		}
	}
	var names []string
	for _, p := range d.Providers {
		if nameOrID != "" && (strings.EqualFold(p.ProviderID, nameOrID) || p.Provider != "" && vcc.SameName(p.Provider, nameOrID)) {
			return p, nil
		}
		if p.Provider == "" {
			names = append(names, p.ProviderID)
		} else {
			names = append(names, p.Provider)
		}
	}
	isID := vcc.ValidateNetworkID(strings.ToLower(nameOrID)) == nil // all IDs have one form
	switch {
	case len(d.Providers) == 1 && (nameOrID == "" || d.Raw && !isID):
		return d.Providers[0], nil
	case nameOrID == "":
		return Provider{}, fmt.Errorf("it has %d service providers; say which is meant with --provider: %s", len(names), vcc.QuoteNames(names))
	case d.Raw && len(d.Providers) > 1:
		return Provider{}, fmt.Errorf("it is the output of the cmdlet, which has IDs of service providers and no names; give one with --provider: %s", vcc.QuoteNames(names))
	}
	return Provider{}, fmt.Errorf("it has no service provider %s; %s", vcc.Clip(nameOrID), vcc.DidYouMean(nameOrID, names))
}

// shortened is somebody's text in a message of ours.
func shortened(s string) string {
	return strings.TrimRight(vcc.Shorten(strings.Join(strings.Fields(s), " "), 300), ".")
}

// Failures lists the providers of which the server said nothing, for people.
func (d Document) Failures() []string {
	var lines []string
	for _, p := range d.Providers {
		if p.Failure != "" {
			lines = append(lines, fmt.Sprintf("the backup server said nothing of service provider %q: %s", p.Provider, shortened(p.Failure)))
		}
	}
	return lines
}
