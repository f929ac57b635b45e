package appliance_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Packets are decided while the appliance is configured anew, again and again. A
// decision must be one that one of the configurations can give, whole.
func TestDecideWhileConfiguring(t *testing.T) {
	off := abc()
	off.RoutingEnabled = false
	configs := []*appliance.Compiled{compile(abc()), compile(off)}
	e := appliance.NewEngine(64, time.Now)
	e.Configure(configs[0])

	stop := make(chan struct{})
	var deciders, others sync.WaitGroup
	for i := range 4 {
		deciders.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for n := range 20_000 {
				p := packet(t, "net1 udp 172.17.52.10:1 172.17.54.20:53")
				p.Source = addrPort(t, "172.17.52.10:"+[]string{"1", "2", "3", "4"}[random.IntN(4)])
				d := e.Decide(p)
				switch d.Reason {
				case vcc.ReasonRoutingEnabled, vcc.ReasonKnownFlow:
					if d.Verdict != vcc.Forwarded || d.Leaving != 3 || d.Source != p.Source || d.Destination != p.Destination {
						t.Errorf("%s: %+v", p, d)
					}
				case vcc.ReasonRoutingDisabled, vcc.ReasonInvalidPacket: // the latter between Reset and Configure
					if d.Verdict != vcc.Dropped {
						t.Errorf("%s: %+v", p, d)
					}
				default:
					t.Errorf("%s: %+v", p, d)
				}
				if n%64 == 0 {
					appliance.Trace(e.Compiled(), p)
				}
			}
		})
	}
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if i%16 == 0 {
				e.Reset()
			}
			e.Configure(configs[i%2])
			compile(off)
		}
	})
	deciders.Wait()
	close(stop)
	others.Wait()
}

func TestCompiledReturnsWhatWasConfigured(t *testing.T) {
	e := appliance.NewEngine(1, time.Now)
	c := compile(abc())
	e.Configure(c)
	if e.Compiled() != c {
		t.Error("Compiled returns something else")
	}
	e.Reset()
	if got := e.Compiled(); got == c || len(got.Interfaces) != 1 {
		t.Errorf("after Reset there are interfaces: %+v", got.Interfaces)
	}
}
