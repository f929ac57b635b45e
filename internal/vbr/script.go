package vbr

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/template"
	"unicode/utf16"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ExportScript is the PowerShell script that writes an export. It only reads.
//
//go:embed scripts/export.ps1
var ExportScript string

//go:embed scripts/change.ps1.tmpl
var changeScript string

// changeTemplate is read when it is first needed: the other commands should not wait for it.
var changeTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("change.ps1").Parse(changeScript)) })

// The data block of the script. Settings have the names of VBRDefaultGateway's properties, so that the script
// compares them as it compares the server's.
type (
	scriptData struct {
		Server   string          `json:"server"`
		Provider scriptProvider  `json:"provider"`
		Export   string          `json:"export"` // no bare time, which PowerShell 7 would make an object of
		Routing  *scriptRouting  `json:"routing"`
		Gateways []scriptGateway `json:"gateways"`
	}

	scriptProvider struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}

	scriptRouting struct {
		Imported bool `json:"imported"`
		Wanted   bool `json:"wanted"`
	}

	// scriptGateway is a gateway that differs; nil is none.
	scriptGateway struct {
		Name     string          `json:"name"`
		Imported *scriptSettings `json:"imported"`
		Wanted   *scriptSettings `json:"wanted"`
	}

	scriptSettings struct {
		IPAddress         string `json:"IpAddress"`
		NetworkMask       string `json:"NetworkMask"`
		IPv6Address       string `json:"Ipv6Address"`
		IPv6SubnetAddress string `json:"Ipv6SubnetAddress"`
		IPv6PrefixLength  int    `json:"Ipv6PrefixLength"`
	}
)

func newScriptSettings(s *vcc.GatewaySettings) *scriptSettings {
	if s == nil {
		return nil
	}
	var w scriptSettings
	if s.IPv4 != nil {
		w.IPAddress, w.NetworkMask = s.IPv4.Address.String(), s.IPv4.SubnetMask()
	}
	if s.IPv6 != nil {
		w.IPv6Address, w.IPv6SubnetAddress, w.IPv6PrefixLength = s.IPv6.Address.String(), s.IPv6.Network.Addr().String(), s.IPv6.Network.Bits()
	}
	return &w
}

// WriteScript writes the PowerShell script that brings a backup server from what was imported last
// to what is stored; pending is what differs (vcc.LastExport.Pending). Where nothing does, the script says so. It is
// ASCII whatever the names are, because Windows PowerShell 5.1 takes other characters for those of a code page.
func WriteScript(to io.Writer, last vcc.LastExport, pending []vcc.PendingChange) error {
	d := scriptData{
		Server: last.Server, Provider: scriptProvider{last.ProviderID, last.Provider}, Export: last.When(), Gateways: []scriptGateway{},
	}
	if d.Server == "" {
		d.Server = "the right one"
	}
	for _, p := range pending {
		if p.RoutingEnabled != nil {
			d.Routing = &scriptRouting{Imported: last.RoutingEnabled, Wanted: *p.RoutingEnabled}
			continue
		}
		d.Gateways = append(d.Gateways, scriptGateway{p.Name, newScriptSettings(p.Server), newScriptSettings(p.Stored)})
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return changeTemplate().Execute(to, struct{ Data string }{asciiJSON(string(text))})
}

// asciiJSON writes every character of a JSON text that is not printable ASCII, and every quote that may end a
// text in PowerShell, as an escape of JSON.
func asciiJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || ' ' <= r && r < 0x7F && r != '\'':
			b.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// Advice lists what a script for pending changes will not do by itself, for people.
func Advice(pending []vcc.PendingChange) []string {
	var lines []string
	for _, p := range pending {
		switch {
		case p.RoutingEnabled != nil:
		case p.Stored == nil:
			lines = append(lines, fmt.Sprintf("%q is removed with -AllowRemoval only", p.Name))
		case !p.Listed:
			lines = append(lines, fmt.Sprintf("the export has no default gateway object for %q, and no cmdlet makes one: specify its gateway once in the console, then export and import again", p.Name))
		case p.Server != nil && (p.Server.IPv4 != nil && p.Stored.IPv4 == nil || p.Server.IPv6 != nil && p.Stored.IPv6 == nil):
			lines = append(lines, fmt.Sprintf("%q is to lose the settings of one family, for which the cmdlets have no documented way: clear them in the console", p.Name))
		}
	}
	return lines
}
