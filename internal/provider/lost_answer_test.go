package provider_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// instead does something else in place of the next write of a method, whose answer is lost.
func (l *servedLab) instead(method string, act func()) {
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == method {
			l.meet(nil)
			act()
			hangUp(w, r, server)
		}
		server.ServeHTTP(w, r)
	})
}

// carriedOut carries out the next write of a method, whose answer is lost, and then does something else.
func (l *servedLab) carriedOut(method string, then func()) {
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == method {
			l.meet(nil)
			server.ServeHTTP(httptest.NewRecorder(), r)
			then()
			hangUp(w, r, server)
		}
		server.ServeHTTP(w, r)
	})
}

const notKnown = "It is not known whether this was carried out"

// A gateway that somebody else stores while the answer to a creation is lost is not this resource's, however
// alike it is. The error says that the outcome is not known, and nothing enters the state.
func TestLostAnswer_sameGatewayOfAnother(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	l := newServedLab(t)
	c := l.servedTo(t).creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.1"))
	must(t, c.plan())
	l.instead(http.MethodPut, func() { l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24") })
	expectText(t, c.apply(), "ERROR", "Default Gateway Not Created", notKnown)
	if !c.gone() {
		t.Error("somebody else's gateway is in the state")
	}
}

// An update whose answer is lost succeeded if what is stored is its own, and else is not known to.
func TestLostAnswer_update(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	l := newServedLab(t)
	for name, test := range map[string]struct {
		lose  func()
		fails bool
	}{
		"carried out": {func() { l.carriedOut(http.MethodPut, func() {}) }, false},
		"carried out, and changed": {func() {
			l.carriedOut(http.MethodPut, func() { l.command("gateway", "set", silver3, "--ipv4", "172.17.54.3/24") })
		}, true},
		"the same of another": {func() {
			l.instead(http.MethodPut, func() { l.command("gateway", "set", silver3, "--ipv4", "172.17.54.2/24") })
		}, true},
		"nothing": {func() { l.instead(http.MethodPut, func() {}) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			old := l.servedTo(t).creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.1"))
			must(t, old.plan())
			must(t, old.apply())
			defer l.command("gateway", "remove", silver3)
			s := l.servedTo(t)
			c := s.creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.2"))
			must(t, c.update(old.state))
			test.lose()
			said := c.apply()
			if test.fails {
				expectText(t, said, "ERROR", "Default Gateway Not Updated", notKnown)
			} else if said != "" {
				t.Errorf("the update says %s", said)
			}
		})
	}
}

// A removal whose answer is lost succeeded if nothing, or what had been detected, is stored.
func TestLostAnswer_removal(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	specify := func(l *servedLab, network string) func() {
		return func() { l.command("gateway", "set", network, "--ipv4", "172.17.54.1/24") }
	}
	nothing := func() {}
	for name, test := range map[string]struct {
		network string
		lose    func(l *servedLab)
		fails   bool
	}{
		"carried out": {silver3, func(l *servedLab) { l.carriedOut(http.MethodDelete, nothing) }, false},
		"carried out, and what was detected is back":          {silver1, func(l *servedLab) { l.carriedOut(http.MethodDelete, nothing) }, false},
		"carried out, and specified again":                    {silver3, func(l *servedLab) { l.carriedOut(http.MethodDelete, specify(l, silver3)) }, true},
		"carried out, and specified over what was detected":   {silver1, func(l *servedLab) { l.carriedOut(http.MethodDelete, specify(l, silver1)) }, true},
		"not carried out":                                     {silver3, func(l *servedLab) { l.instead(http.MethodDelete, nothing) }, true},
		"not carried out where something was detected before": {silver1, func(l *servedLab) { l.instead(http.MethodDelete, nothing) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newServedLab(t)
			c := l.servedTo(t).creation("vcc_default_gateway", l.gatewayOf(test.network, "172.17.54.1"))
			must(t, c.plan())
			must(t, c.apply())
			removed := l.servedTo(t).removal(c)
			test.lose(l)
			said := removed.apply()
			if test.fails {
				expectText(t, said, "ERROR", "Default Gateway Not Removed", notKnown)
			} else if said != "" {
				t.Errorf("the removal says %s", said)
			}
			if removed.gone() == test.fails {
				t.Errorf("gone from the state: %t", removed.gone())
			}
		})
	}
}

// The routing option has one value, and whoever set it, it is what the resource wanted.
func TestLostAnswer_routing(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	l := newServedLab(t)
	for name, test := range map[string]struct {
		lose  func()
		fails bool
	}{
		"carried out":         {func() { l.carriedOut(http.MethodPut, func() {}) }, false},
		"the same of another": {func() { l.instead(http.MethodPut, func() { l.command("routing", "on") }) }, false},
		"nothing":             {func() { l.instead(http.MethodPut, func() {}) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			defer l.command("routing", "off")
			c := l.servedTo(t).creation("vcc_network_routing", enabled(true))
			must(t, c.plan())
			test.lose()
			said := c.apply()
			if strings.Contains(said, notKnown) != test.fails || !test.fails && said != "" {
				t.Errorf("the creation says %q", said)
			}
		})
	}
}

// A detected gateway that was imported has nothing to come back: it is gone, or the removal was not carried out.
func TestLostAnswer_removalOfDetected(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	l := newServedLab(t)
	s := l.servedTo(t)
	c := s.imported("vcc_default_gateway", l.ids[silver1])
	l.instead(http.MethodDelete, func() {})
	expectText(t, s.removal(c).apply(), "ERROR", "Default Gateway Not Removed", notKnown)
	l.carriedOut(http.MethodDelete, func() {})
	removed := s.removal(c)
	if said := removed.apply(); said != "" || !removed.gone() || l.stored(silver1) != nil {
		t.Errorf("the removal says %q, and stored is %+v", said, l.stored(silver1))
	}
}
