package window_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestViews goes through who reaches whom, the appliance and a failover, as somebody would who finds out
// what is missing. Each page is looked at for violations of the rules for accessibility.
func TestViews(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		s := serve(t, backend.ServerConfig{})
		plans, _, err := s.client(abc).FailoverPlans(t.Context(), vcc.Actor{}, vcc.Page{Limit: 1})
		ok(t, err)
		mine := plans[0].FailoverPlanSettings
		mine.Delays = map[string]time.Duration{"db01": time.Minute}
		_, _, err = s.client(abc).PutFailoverPlan(t.Context(), vcc.Actor{}, plans[0].ID, plans[0].Name, mine, vcc.Precondition{})
		ok(t, err)
		b := newTab(t, s.url, scripts)
		b.logIn(abc)
		look := func() {
			if scripts { // the pages are the same without
				b.accessible()
			}
		}

		b.link("Who reaches whom")
		b.says("On tcp port 443", "In 15 of 56 pairs the source reaches the destination", "✗ no default gateway", "✓ through the internet", "✗ routing disabled")
		look()
		b.pictured("who-reaches-whom", ".matrix")
		b.press(`.matrix tbody tr:nth-child(1) td:nth-child(4) a`)
		b.says("From web01 to db01", "✗ Not reachable: private destination.", `"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`, "The request")
		look()
		b.run(chromedp.Click(chromedp.CSS("summary")))
		b.fill("#network", "VMware Silver network 1")
		b.fill("#ipv4-address", "172.17.54.1")
		b.fill("#ipv4-subnetMask", "255.255.0.255")
		b.choose("#routing", "on")
		if status := b.press(".question button"); status != http.StatusUnprocessableEntity {
			t.Errorf("a wrong mask gets status %d", status)
		}
		b.says("255.255.0.255 is not a subnet mask")
		if b.value("#ipv4-address") != "172.17.54.1" || b.value("#routing") != "on" {
			t.Error("what was typed is gone")
		}
		look()
		b.fill("#ipv4-subnetMask", "255.255.255.0")
		b.press(".question button")
		b.says("From web01 to db01", "✓ Reachable: routed.", "The reply", "arrives on net3 (VMware Silver network 1)")
		look()
		b.link("Back to all")
		b.says("In 25 of 56 pairs")

		b.link("Appliance")
		b.says("Stopped; shown as it would be at full site failover", `no default gateway is stored for "VMware Silver network 1"`)
		look()
		b.pictured("appliance", ".picture")

		b.link("Failover Plans")
		b.says("Whole site", "Ready")
		look()
		b.press(`a[aria-label="History of Whole site"]`)
		b.says(`History of failover plan "Whole site"`, abc, "db01 (then 60 s)")
		look()
		b.link("To the failover plans")
		b.run(chromedp.Click(chromedp.CSS("summary")))
		b.says("Public IP rules: 203.0.113.10:443 to 172.17.52.10:443")
		look()
		b.press(`a[aria-label="Test Whole site"]`)
		b.says(`Test failover plan "Whole site"?`)
		look()
		b.press("main button")
		b.says("Nothing was started.", "net3 (VMware Silver network 1) would get no address")
		look()
		b.link("To the failover plans")
		b.press(`a[aria-label="Start Whole site"]`)
		b.says(`Start failover plan "Whole site"?`, "Force:", "What it would do")
		look()
		b.link("Cancel")
		b.says("Ready")
		b.press(`a[aria-label="Start Whole site"]`)
		b.press("main button")
		b.says(`Failover plan "Whole site" is started`, "net3 (VMware Silver network 1) gets no address")
		look()
		b.link("Appliance")
		b.says(`Running; the full site failover of plan "Whole site". Since`, "by "+abc)
		look()
		b.link("Failover Plans")
		b.press(`a[aria-label="Undo Whole site"]`)
		look()
		b.press("main button")
		b.says(`Failover plan "Whole site" is undone`)
		look()
		b.link("Failover Sessions")
		b.says("Full site failover", "Ended at", "Nothing was started")
		look()
		b.press("main tbody tr:last-child a")
		b.says(`Test of failover plan "Whole site"`, "Nothing was started: this says what a failover would have done then.", "Replicas", "web01", "172.17.52.10/23")
		look()
		b.link("To the failover sessions")
		b.says("Full site failover")
		b.quiet()
	})
}

// choose chooses an option.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	ask(b, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q).value = %q, true`, selector, value)))
}

// pictured writes a screenshot of a part of the page in both colours, if the tests are to make some.
func (b *tab) pictured(name, part string) {
	b.t.Helper()
	if os.Getenv("VCC_TEST_SCREENSHOTS") == "" {
		return
	}
	for scheme, dark := range map[string]bool{"light": false, "dark": true} {
		b.dark(dark)
		picture := ask(b, chromedp.Screenshot(chromedp.CSS(part)))
		file := filepath.Join("..", "..", "examples", "window", name+"-"+scheme+".png")
		ok(b.t, os.MkdirAll(filepath.Dir(file), 0o750))
		ok(b.t, os.WriteFile(file, picture, 0o600))
	}
	b.dark(false)
}
