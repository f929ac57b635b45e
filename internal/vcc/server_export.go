package vcc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ExportSource says which backup server an export is of, and which of its service providers.
type ExportSource struct {
	// Server is the name of the backup server, "" where the export does not say it.
	Server string
	// Provider and ProviderID are the service provider's name, by which the server connects to it, and
	// the ID that it has on the server.
	Provider, ProviderID string
	// ExportedAt is when the export was made, by the clock of the server. The zero value: it does not say.
	ExportedAt time.Time
}

// Actor is whom the history names for what an import changes.
func (s ExportSource) Actor() string {
	if s.Server == "" {
		return "unnamed backup server"
	}
	return fmt.Sprintf("backup server %q", s.Server)
}

// When says of which time the export is.
func (s ExportSource) When() string {
	if s.ExportedAt.IsZero() {
		return "of an unknown time"
	}
	return "of " + TimeText(s.ExportedAt)
}

// ServerExport is what a real backup server has of one service provider: what its console shows in
// the window Default Gateways.
type ServerExport struct {
	ExportSource
	RoutingEnabled bool
	// Networks are the cloud networks that the server names, with or without a gateway.
	Networks []ExportedNetwork
}

// ExportedNetwork is a cloud network as a backup server has it.
type ExportedNetwork struct {
	Name string
	// NetworkID and GatewayID are the IDs that the server has for the network and for its default
	// gateway, "" where the export has none. Whether they are the same is not documented.
	NetworkID, GatewayID string
	// Gateway is nil where no default gateway is set.
	Gateway *GatewaySettings
}

// Validate checks what an import relies on: names that can be shown, no network twice (names are
// compared in their normal form), and gateways that obey D8 to D10. It lists everything that is wrong.
func (e ServerExport) Validate() error {
	var errs errorList
	name := func(field, value string) {
		if err := ValidateName(value); err != nil {
			errs = append(errs, Within(field, err))
		}
	}
	if e.Server != "" {
		name("server", e.Server)
	}
	name("provider", e.Provider)
	checkID := func(field, id string) {
		if len(id) > MaxName || id != Printable(id) {
			errs.add(field, "%q is no ID", id)
		}
	}
	if e.ProviderID == "" {
		errs.add("providerId", "the ID of the service provider is missing")
	}
	checkID("providerId", e.ProviderID)
	if y := e.ExportedAt.Year(); !e.ExportedAt.IsZero() && (y < 2000 || y > 9999) {
		errs.add("exportedAt", "no export is of the year %d", y)
	}
	seen := map[string]string{}
	for i, n := range e.Networks {
		if len(errs) > MaxListed {
			break
		}
		at := "networks[" + strconv.Itoa(i) + "]"
		name(at+".name", n.Name)
		key := NormalName(n.Name)
		if other, twice := seen[key]; twice {
			errs.add(at+".name", "%q is at %s already; networks are matched by their names, so a name can be there once", n.Name, other)
		}
		seen[key] = at + ".name"
		checkID(at+".networkId", n.NetworkID)
		checkID(at+".gatewayId", n.GatewayID)
		if n.Gateway != nil {
			if err := n.Gateway.Validate(); err != nil {
				errs = append(errs, Within(at, err))
			}
		}
	}
	return errs.err()
}

// maxAhead is how far the clock of a backup server may be ahead, time zones that were mixed up included.
const maxAhead = 24 * time.Hour

// CheckClock checks that an export is not from the future: no later one could follow it.
func (e ServerExport) CheckClock(now time.Time) error {
	if ahead := e.ExportedAt.Sub(now); !e.ExportedAt.IsZero() && ahead > maxAhead {
		return invalid("exportedAt", "the export is %s, which is yet to come; set the clock of the backup server, and export again. Nothing was changed", e.When())
	}
	return nil
}

// ExportFinding says how a value that an import stored came to be on the backup server.
type ExportFinding string

// The findings.
const (
	// ExportFound: it was the first import, so nobody knows since when the server has the value.
	ExportFound ExportFinding = "found"
	// ExportChanged: at the import before, the server had another value.
	ExportChanged ExportFinding = "changed"
	// ExportUnchanged: the server has it since the import before at least. What was stored meanwhile has
	// not reached it.
	ExportUnchanged ExportFinding = "unchanged"
)

// ParseExportFinding reads a finding.
func ParseExportFinding(s string) (ExportFinding, error) {
	switch f := ExportFinding(s); f {
	case ExportFound, ExportChanged, ExportUnchanged:
		return f, nil
	}
	return "", invalid("", "%q is not a finding; use %s, %s or %s", s, ExportFound, ExportChanged, ExportUnchanged)
}

// Provenance says from which export a change came.
type Provenance struct {
	ExportSource
	Finding ExportFinding
	// NetworkID and GatewayID are those of ExportedNetwork, "" for the routing option.
	NetworkID, GatewayID string
}

// String is the part of a sentence that stands before what changed: changed on backup server
// "vbr01", seen in the export of 2026-11-28 05:45:09 UTC.
func (p Provenance) String() string {
	switch p.Finding {
	case ExportChanged:
		return fmt.Sprintf("changed on %s, seen in the export %s", p.Actor(), p.When())
	case ExportUnchanged:
		return fmt.Sprintf("unchanged on %s (what was stored here has not reached it), seen in the export %s", p.Actor(), p.When())
	default:
		return fmt.Sprintf("found on %s, in the export %s", p.Actor(), p.When())
	}
}

// LastExport is the export of a backup server that was imported last for a tenant.
type LastExport struct {
	ExportSource
	// ImportedAt and ImportedBy say when it was imported, and by which account.
	ImportedAt     time.Time
	ImportedBy     string
	RoutingEnabled bool
	// Networks are those of the export that the tenant has, in the order of the tenant's networks.
	Networks []ImportedNetwork
}

// ImportedNetwork is a network of an export and the tenant's network that it is.
type ImportedNetwork struct {
	// ID and Name are the tenant's, ExportedNetwork.Name is how the server spells it.
	ID, Name string
	ExportedNetwork
}

// CheckNext checks that an export may follow this one. nil is followed by any.
// CodeConflict: it is older, or of another service provider.
func (l *LastExport) CheckNext(e ServerExport) error {
	if l == nil {
		return nil
	}
	if l.ProviderID != e.ProviderID && !SameName(l.Provider, e.Provider) {
		return &Error{Code: CodeConflict, Message: Message("the export is of service provider %q, and what was imported before is of %q; nothing was changed. One backend stands for one service provider", e.Provider, l.Provider)}
	}
	if !e.ExportedAt.IsZero() && e.ExportedAt.Before(l.ExportedAt) {
		return &Error{Code: CodeConflict, Message: "the export is " + e.When() + ", and a newer one, " + l.When() + ", was imported already; nothing was changed"}
	}
	return nil
}

// ImportChange is one value that an import changes. Of Before and After that of a gateway is nil
// for none.
type ImportChange struct {
	// NetworkID and NetworkName are the tenant's, both "" for the routing option.
	NetworkID, NetworkName string
	Before, After          *GatewaySettings
	// RoutingEnabled is what the option becomes, nil for a gateway.
	RoutingEnabled *bool
	Finding        ExportFinding
}

// ImportOutcome is what an import changed, or would.
type ImportOutcome struct {
	Changes []ImportChange
	// Unknown are names of networks without a gateway on the server that the tenant does not have.
	Unknown []string
	// Absent are names of the tenant's networks that the export does not have.
	Absent []string
}

// ServerExportService takes what a real backup server has, and keeps what was taken last.
type ServerExportService interface {
	// LastExport returns the export that was imported last. CodeNotFound: there was none.
	LastExport(ctx context.Context, as Actor) (*LastExport, error)

	// ImportServerExport stores what a backup server has in place of what is stored for the tenant, in
	// one transaction. A gateway that the server has not is removed. Networks are matched by name. The
	// history names ExportSource.Actor, and each change has its Provenance. A dry run stores nothing.
	// CodeInvalidValue: the export breaks Validate, or has a gateway of a network that the tenant
	// does not have. CodeConflict: D12, CheckNext, or the export is of another service provider than
	// the lab. Nothing was stored.
	ImportServerExport(ctx context.Context, as Actor, e ServerExport, dryRun bool) (ImportOutcome, error)
}

// MatchExport finds the tenant's network for each network of an export by its name. imported has those
// that were found, in the order of the tenant's networks; unknown are names of the others, as long as they have no
// gateway; absent are names of the tenant's networks that the export does not have.
// CodeInvalidValue: a network with a gateway is not the tenant's; the error lists the nearest names.
func MatchExport(e ServerExport, networks []Network) (imported []ImportedNetwork, unknown, absent []string, err error) {
	byName := map[string]ExportedNetwork{}
	for _, n := range e.Networks {
		byName[NormalName(n.Name)] = n
	}
	mine := make([]string, len(networks))
	for i, n := range networks {
		mine[i] = n.Name
		key := NormalName(n.Name)
		if found, ok := byName[key]; ok {
			imported = append(imported, ImportedNetwork{n.ID, n.Name, found})
			delete(byName, key)
		} else {
			absent = append(absent, n.Name)
		}
	}
	var errs errorList
	for i, n := range e.Networks {
		if _, left := byName[NormalName(n.Name)]; !left {
			continue
		}
		if n.Gateway == nil {
			unknown = append(unknown, n.Name)
			continue
		}
		at := "networks[" + strconv.Itoa(i) + "].name"
		switch {
		case len(errs) > MaxListed:
		case len(mine) == 0:
			errs.add(at, "there is no cloud network %q; this tenant has none", n.Name)
		default:
			errs.add(at, "there is no cloud network %q; %s", n.Name, prose(DidYouMean(n.Name, mine)))
		}
	}
	return imported, unknown, absent, errs.err()
}

// PendingChange is a difference between what is stored and what a backup server had at the last import.
type PendingChange struct {
	// Name is the network's as the server spells it, "" for the routing option.
	Name string
	// Listed says that the export had a default gateway object for the network. No cmdlet makes one.
	Listed bool
	// Server and Stored are nil for no gateway.
	Server, Stored *GatewaySettings
	// RoutingEnabled is what is stored of the option, nil for a gateway.
	RoutingEnabled *bool
}

// Pending compares what is stored with what the backup server had at the last import: what has not
// reached the server yet, in the order of networks, the routing option last.
func (l LastExport) Pending(stored []DefaultGateway, routingEnabled bool) []PendingChange {
	gateways := map[string]*GatewaySettings{}
	names := map[string]string{}
	for _, g := range stored {
		gateways[g.NetworkID], names[g.NetworkID] = &g.GatewaySettings, g.NetworkName
	}
	var pending []PendingChange
	compare := func(name string, listed bool, server, want *GatewaySettings) {
		if !SameSettings(server, want) {
			pending = append(pending, PendingChange{Name: name, Listed: listed, Server: server, Stored: want})
		}
	}
	for _, n := range l.Networks {
		compare(n.ExportedNetwork.Name, n.GatewayID != "" || n.Gateway != nil, n.Gateway, gateways[n.ID])
		delete(gateways, n.ID)
	}
	for _, g := range stored { // of networks that the export did not have
		if want, left := gateways[g.NetworkID]; left {
			compare(names[g.NetworkID], false, nil, want)
		}
	}
	if l.RoutingEnabled != routingEnabled {
		pending = append(pending, PendingChange{Listed: true, RoutingEnabled: &routingEnabled})
	}
	return pending
}

// SameSettings reports whether two gateways have the same settings; nil is no gateway.
func SameSettings(a, b *GatewaySettings) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// ParseNetworkName reads a name that NetworkName may have made.
func ParseNetworkName(name string) (plan string, internetAccess bool, n int, err error) {
	rest, internetAccess := strings.CutSuffix(name, " (internet)")
	i := strings.LastIndex(rest, " network ")
	if i > 0 {
		plan = rest[:i]
		n, err = strconv.Atoi(rest[i+len(" network "):])
	}
	if i <= 0 || err != nil || n < 1 || NetworkName(plan, internetAccess, n) != name {
		return "", false, 0, errors.New("a cloud network is named PLAN network N, or PLAN network N (internet)")
	}
	return plan, internetAccess, n, nil
}
