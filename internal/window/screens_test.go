package window_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// bothWays runs a test in a browser with scripts and in one without.
func bothWays(t *testing.T, test func(t *testing.T, scripts bool)) {
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) { test(t, scripts) })
	}
}

// TestScreens goes through the screens as somebody would who sets a gateway for the first time. Each is
// looked at for violations of the rules for accessibility, and none may break the policy of the page.
func TestScreens(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		s := serve(t, backend.ServerConfig{})
		b := newTab(t, s.url, scripts)
		b.open("/")
		b.says("Log in", "User name", "Password")
		b.accessible()
		b.logIn(abc)
		b.says("Tenant: ABC Company", "Service provider: sp.example.net", "VMware Silver network 1 (internet)", "172.17.52.0/23", "2001:db8:52::/64",
			"172.17.52.1", "fe80::1", "detected", `replication job "Silver nightly"`, "VMware Silver network 2", "None",
			"Route traffic between these networks", "Routing is only possible between networks of the same hardware plan.")
		b.accessible()
		b.screenshot("default-gateways")

		id := s.networkID("VMware Silver network 2")
		b.press(`a[href$="` + id + `"]`)
		b.says("IPv4 Default Gateway", "IPv6 Default Gateway", "No default gateway is stored for this network.")
		b.fill("#ipv4-address", "172.17.60.1")
		b.fill("#ipv4-mask", "255.255.254.0")
		if scripts {
			until(t, "the network of what is typed is shown", func() bool {
				return ask(b, chromedp.TextContent(chromedp.CSS("output"))) == "172.17.60.0/23"
			})
		}
		b.accessible()
		b.screenshot("edit")
		b.press("section[aria-labelledby=ipv4] button")
		b.says("Saved.", "172.17.60.0/23", abc, "specified")
		b.press("section[aria-labelledby=ipv4] button")
		b.says("Nothing was changed: it was so already.")

		b.fill("#ipv6-network", "2001:db8:60::")
		b.fill("#ipv6-length", "56")
		b.fill("#ipv6-address", "fe80::1")
		b.press("section[aria-labelledby=ipv6] button")
		b.says("Saved.", "Only /64 works for failover over IPv6.")
		b.accessible()

		b.press("section[aria-labelledby=ipv6] a")
		b.says("Remove the IPv6 default gateway?", "fe80::1 in 2001:db8:60::/56", "The IPv4 default gateway stays: 172.17.60.1 in 172.17.60.0/23.")
		b.accessible()
		b.press("main button")
		b.says("Removed.")
		if got := b.value("#ipv4-address") + b.value("#ipv6-address"); got != "172.17.60.1" {
			t.Errorf("after the removal of the IPv6 half the fields have %q", got)
		}
		b.press("section[aria-labelledby=ipv4] a")
		b.says("The network is left without a default gateway.")
		b.press("main button")
		b.says("Removed.", "No default gateway is stored for this network.")

		b.link("History")
		b.says("History of VMware Silver network 2", abc, "172.17.60.1 in 172.17.60.0/23", "fe80::1 in 2001:db8:60::/56", "None")
		b.accessible()

		b.link("Default Gateways")
		b.run(chromedp.Click(chromedp.CSS("#enabled")))
		b.press("section[aria-labelledby=routing] button")
		b.says("Saved.", "Last change:")
		if routing, err := s.client(abc).NetworkRouting(t.Context(), vcc.Actor{}); err != nil || !routing.Enabled || routing.UpdatedBy != abc {
			t.Errorf("the option is %+v, %v", routing, err)
		}
		b.link("History of this option")
		b.says("off", "on", abc)
		b.accessible()

		here := b.path()
		b.open(here + "/nothing")
		b.says("there is no such page")
		b.accessible()
		b.open(here)
		b.press("header button")
		b.says("You are logged out.")
		b.quiet()
	})
}

// TestWrongValues: each wrong value is marked at its field in the domain's words, and what was typed stays.
func TestWrongValues(t *testing.T) {
	s := serve(t, backend.ServerConfig{})
	id := s.networkID("VMware Silver network 2")
	bothWays(t, func(t *testing.T, scripts bool) {
		b := newTab(t, s.url, scripts)
		b.logIn(abc)
		b.press(`a[href$="` + id + `"]`)
		b.fill("#ipv4-address", `<b>1.2.3`)
		b.fill("#ipv4-mask", "255.0.255.0")
		if status := b.press("section[aria-labelledby=ipv4] button"); status != http.StatusUnprocessableEntity {
			t.Errorf("the status is %d", status)
		}
		_, err := vcc.ParseIPv4Address(`<b>1.2.3`)
		contains(t, "the address", ask(b, chromedp.TextContent(chromedp.CSS("#ipv4-address-error"))), err.Error())
		_, err = vcc.ParseSubnetMask("255.0.255.0")
		contains(t, "the mask", ask(b, chromedp.TextContent(chromedp.CSS("#ipv4-mask-error"))), err.Error())
		if b.value("#ipv4-address") != `<b>1.2.3` || b.value("#ipv4-mask") != "255.0.255.0" {
			t.Error("what was typed is gone")
		}
		b.accessible()

		b.fill("#ipv6-network", "2001:db8::1")
		b.fill("#ipv6-length", "many")
		b.fill("#ipv6-address", "172.17.60.1")
		b.press("section[aria-labelledby=ipv6] button")
		contains(t, "the length", ask(b, chromedp.TextContent(chromedp.CSS("#ipv6-length-error"))), `"many" is not a prefix length; use 1 to 128`)
		_, err = vcc.ParseIPv6Address("172.17.60.1")
		contains(t, "the address", ask(b, chromedp.TextContent(chromedp.CSS("#ipv6-address-error"))), err.Error())
		b.accessible()

		// D12 is about no single field.
		b.fill("#ipv4-address", "172.17.52.9")
		b.fill("#ipv4-mask", "255.255.255.0")
		if status := b.press("section[aria-labelledby=ipv4] button"); status != http.StatusConflict {
			t.Errorf("the status is %d", status)
		}
		b.says(`172.17.52.0/24 overlaps 172.17.52.0/23 of "VMware Silver network 1 (internet)" on the same network extension appliance; no router can serve both.`)
		b.accessible()
		b.quiet()
	})
}

// TestLostRace: when somebody was faster, both are shown and nothing is overwritten; sent again, the form
// is about what is stored then.
func TestLostRace(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		s := serve(t, backend.ServerConfig{})
		id, client := s.networkID("VMware Silver network 2"), s.client(abc)
		b := newTab(t, s.url, scripts)
		b.logIn(abc)
		home := b.path()
		b.press(`a[href$="` + id + `"]`)
		fast, err := vcc.ParseIPv4Settings("10.9.0.1", "255.255.255.0")
		ok(t, err)
		put, _, err := client.PutDefaultGateway(t.Context(), vcc.Actor{}, id, vcc.GatewaySettings{IPv4: &fast}, vcc.Precondition{})
		ok(t, err)
		b.fill("#ipv4-address", "172.17.60.1")
		b.fill("#ipv4-mask", "255.255.255.0")
		if status := b.press("section[aria-labelledby=ipv4] button"); status != http.StatusConflict {
			t.Errorf("the status is %d", status)
		}
		b.says(`"VMware Silver network 2" has a default gateway already, specified by abc-company; nothing was changed`, "Stored now: 10.9.0.1 in 10.9.0.0/24, specified by "+abc,
			"What you sent is in the form below, and is not stored.")
		if b.value("#ipv4-address") != "172.17.60.1" {
			t.Error("what was typed is gone")
		}
		b.accessible()
		if g, err := client.DefaultGateway(t.Context(), vcc.Actor{}, id); err != nil || g.Revision != put.Revision {
			t.Fatalf("the gateway was overwritten: %+v, %v", g, err)
		}
		b.press("section[aria-labelledby=ipv4] button")
		b.says("Saved.", "172.17.60.0/24")

		// A removal that comes too late.
		b.press("section[aria-labelledby=ipv4] a")
		_, _, err = client.PutDefaultGateway(t.Context(), vcc.Actor{}, id, vcc.GatewaySettings{IPv4: &fast}, vcc.Precondition{})
		ok(t, err)
		b.press("main button")
		b.says("was changed by abc-company since it was read; nothing was changed now", "Stored now: 10.9.0.1 in 10.9.0.0/24")
		b.accessible()

		// The option: somebody switches it on and off, so that its value is the one that was shown.
		b.open(home)
		for _, enabled := range []bool{true, false} {
			_, err = client.PutNetworkRouting(t.Context(), vcc.Actor{}, enabled, vcc.Precondition{})
			ok(t, err)
		}
		b.run(chromedp.Click(chromedp.CSS("#enabled")))
		b.press("section[aria-labelledby=routing] button")
		b.says("the routing option was changed by abc-company since it was read; nothing was changed now", "Stored now: off, by abc-company", "You wanted: on.")
		b.accessible()
		if routing, err := client.NetworkRouting(t.Context(), vcc.Actor{}); err != nil || routing.Enabled {
			t.Errorf("the option was overwritten: %+v, %v", routing, err)
		}
		b.press("main form[action$=routing] button")
		b.says("Saved.")
		b.quiet()
	})
}

// TestViewer: an account that may read alone sees no forms, and is refused in words if it sends one.
func TestViewer(t *testing.T) {
	s := serve(t, backend.ServerConfig{})
	s.account(viewer, vcc.RoleViewer, "ABC Company")
	id := s.networkID("VMware Silver network 1 (internet)")
	b := newTab(t, s.url, true)
	b.logIn(viewer)
	b.says("172.17.52.1", "Route traffic between these networks: off", "Show")
	b.accessible()
	b.press(`a[href$="` + id + `"]`)
	b.says("172.17.52.1", "255.255.254.0", "172.17.52.0/23", "2001:db8:52::/64")
	b.accessible()
	b.quiet()

	v := s.visitor()
	v.logIn(viewer)
	home := v.home()
	for _, path := range []string{"/networks/" + id, "/gateways", "/routing"} {
		page := v.page(home + path)
		lacks(t, path, page.body[len(page.body)/8:], "<input type=\"hidden\" name=\"revision\"", "<button>Save")
	}
	token := v.page(home + "/gateways").hidden("form_token")
	for _, path := range []string{"/networks/" + id + "/ipv4", "/networks/" + id + "/ipv4/remove", "/routing"} {
		a := v.post(home+path, values("form_token", token, "revision", "1", "address", "172.17.52.2", "subnetMask", "255.255.254.0", "enabled", "yes"))
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, a.Status)
		}
		contains(t, path, a.text(), "the account may read and not write, because its role is viewer; nothing was changed")
	}
}

// TestOperator: an operator picks the tenant first, and each page is about the tenant in its address.
func TestOperator(t *testing.T) {
	s := serve(t, backend.ServerConfig{})
	s.account(operator, vcc.RoleOperator, "")
	bothWays(t, func(t *testing.T, scripts bool) {
		b := newTab(t, s.url, scripts)
		b.logIn(operator)
		b.says("Tenants", "ABC Company", "XYZ Holding")
		b.accessible()
		b.fill("#search", "hold")
		b.press("main button")
		if text := b.text(); !strings.Contains(text, "XYZ Holding") || strings.Contains(text, "ABC Company") {
			t.Errorf("the search finds %q", text)
		}
		b.fill("#search", "<nobody>")
		b.press("main button")
		b.says("There is no tenant whose name has “<nobody>” in it.")
		b.open("/tenants")
		b.link("ABC Company")
		b.says("Tenant: ABC Company", "Choose another tenant", "VMware Silver network 1")
		b.link("Choose another tenant")
		b.link("XYZ Holding")
		b.says("Tenant: XYZ Holding", "Hyper-V Gold network 1")
		b.run(chromedp.Click(chromedp.CSS("#enabled")))
		b.press("section[aria-labelledby=routing] button")
		b.says("Last change:", operator)
		b.run(chromedp.Click(chromedp.CSS("#enabled")))
		b.press("section[aria-labelledby=routing] button")
		b.quiet()
	})
}

// TestKeyboard: a gateway is set with the keyboard alone.
func TestKeyboard(t *testing.T) {
	s := serve(t, backend.ServerConfig{})
	b := newTab(t, s.url, true)
	b.open("/login")
	tabTo := func(selector string) {
		t.Helper()
		for range 60 {
			b.run(chromedp.KeyEvent("\t"))
			if ask(b, chromedp.Evaluate[bool](`document.activeElement.matches(`+"`"+selector+"`"+`)`)) {
				return
			}
		}
		t.Fatalf("no tab leads to %s", selector)
	}
	tabTo("#username")
	b.run(chromedp.KeyEvent(abc))
	tabTo("#password")
	b.run(chromedp.KeyEvent(password))
	b.answered(chromedp.KeyEvent("\r"))
	tabTo(`a[href$="` + s.networkID("VMware Silver network 2") + `"]`)
	b.answered(chromedp.KeyEvent("\r"))
	tabTo("#ipv4-address")
	b.run(chromedp.KeyEvent("172.17.60.1"))
	tabTo("#ipv4-mask")
	b.run(chromedp.KeyEvent("255.255.255.0"))
	tabTo("section[aria-labelledby=ipv4] button")
	b.answered(chromedp.KeyEvent("\r"))
	b.says("Saved.", "172.17.60.0/24")
}
