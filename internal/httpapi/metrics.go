package httpapi

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// metrics are what a server counts, in Prometheus's data model. Its client library would
// do the counting, too, but prepares so much as a process starts that every command of
// Terraform would wait for it. Metrics are safe for concurrent use.
type metrics struct {
	started time.Time
	version string

	mu       sync.Mutex
	requests family
	duration family
	logins   family
	shed     family
}

// Measurement is one value that somebody else than a handler knows, for its metrics.
type Measurement struct {
	Name, Help string
	Value      float64
	// Counter says that the value only grows, as the name says by its end, "_total".
	Counter bool
}

// measured puts measurements into Prometheus's data model.
func measured(list []Measurement) []family {
	families := make([]family, len(list))
	for i, m := range list {
		families[i] = family{name: m.Name, help: m.Help, kind: dto.MetricType_GAUGE, list: []*dto.Metric{{Gauge: &dto.Gauge{Value: &m.Value}}}}
		if m.Counter {
			families[i].kind, families[i].list = dto.MetricType_COUNTER, []*dto.Metric{{Counter: &dto.Counter{Value: &m.Value}}}
		}
	}
	return families
}

// family are the metrics of one name, by the values of their labels.
type family struct {
	name, help string
	labels     []string
	kind       dto.MetricType
	metrics    map[string]*dto.Metric
	list       []*dto.Metric // in the order of their first use
}

// with returns the metric with these values of the labels.
func (f *family) with(values ...string) *dto.Metric {
	key := strings.Join(values, "\x00")
	if m := f.metrics[key]; m != nil {
		return m
	}
	m := new(dto.Metric)
	for i, v := range values {
		m.Label = append(m.Label, &dto.LabelPair{Name: new(f.labels[i]), Value: new(v)})
	}
	if f.metrics == nil {
		f.metrics = map[string]*dto.Metric{}
	}
	f.metrics[key] = m
	f.list = append(f.list, m)
	return m
}

// count adds one to a counter.
func (f *family) count(values ...string) {
	m := f.with(values...)
	if m.Counter == nil {
		m.Counter = &dto.Counter{Value: new(0.0)}
	}
	*m.Counter.Value++
}

// durationBuckets are the upper bounds of a histogram of durations, in seconds.
var durationBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, math.Inf(1)}

// observe adds a duration to a histogram.
func (f *family) observe(took time.Duration, values ...string) {
	m := f.with(values...)
	if m.Histogram == nil {
		m.Histogram = &dto.Histogram{SampleCount: new(uint64(0)), SampleSum: new(0.0)}
		for _, bound := range durationBuckets {
			m.Histogram.Bucket = append(m.Histogram.Bucket, &dto.Bucket{UpperBound: new(bound), CumulativeCount: new(uint64(0))})
		}
	}
	*m.Histogram.SampleCount++
	*m.Histogram.SampleSum += took.Seconds()
	for _, b := range m.Histogram.Bucket {
		if took.Seconds() <= *b.UpperBound {
			*b.CumulativeCount++
		}
	}
}

func newMetrics(version string) *metrics {
	m := &metrics{
		started: time.Now(), version: version,
		requests: family{
			name: "vcc_http_requests_total", help: "Requests that were answered.",
			kind: dto.MetricType_COUNTER, labels: []string{"method", "route", "status"},
		},
		duration: family{
			name: "vcc_http_request_duration_seconds", help: "How long requests took.",
			kind: dto.MetricType_HISTOGRAM, labels: []string{"method", "route"},
		},
		logins: family{
			name: "vcc_logins_total", help: "Logins by grant and outcome.",
			kind: dto.MetricType_COUNTER, labels: []string{"grant", "outcome"},
		},
		shed: family{
			name: "vcc_requests_shed_total", help: "Requests that were refused with 503, because as many were at work as may be, by whose places they were.",
			kind: dto.MetricType_COUNTER, labels: []string{"places"},
		},
	}
	for _, reason := range []string{shedTenant, shedServer, shedStranger, shedLogin} {
		m.shed.with(reason).Counter = &dto.Counter{Value: new(0.0)} // from the first scrape on, so that the first one is seen
	}
	return m
}

// shedRequest counts a request that got no place.
func (m *metrics) shedRequest(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shed.count(reason)
}

// request counts a request. Routes are patterns, so that no path of a caller's choice
// becomes a label.
func (m *metrics) request(r *http.Request, status int, took time.Duration) {
	method, route := r.Method, r.Pattern
	if !hasOperation(r) {
		method, route = "other", "other"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests.count(method, route, strconv.Itoa(status))
	m.duration.observe(took, method, route)
}

// login counts a login by its outcome, "" for a good one.
func (m *metrics) login(grant string, outcome vcc.ErrorCode) {
	if outcome == "" {
		outcome = "success"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logins.count(grant, string(outcome))
}

// answer answers with all metrics in Prometheus's text format.
func (m *metrics) answer(w http.ResponseWriter, more []Measurement) {
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var text bytes.Buffer
	if err := m.encode(expfmt.NewEncoder(&text, format), more); err != nil {
		panic(err) // names and labels are ours
	}
	w.Header().Set("Content-Type", string(format))
	_, _ = text.WriteTo(w) // the caller may be gone
}

func (m *metrics) encode(to expfmt.Encoder, more []Measurement) error {
	others := append(m.processMetrics(), measured(more)...)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range append([]family{m.requests, m.duration, m.logins, m.shed}, others...) {
		if len(f.list) == 0 {
			continue
		}
		if err := to.Encode(&dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind, Metric: f.list}); err != nil {
			return err
		}
	}
	return nil
}

// processMetrics are metrics of this process, by the names that Prometheus's libraries use.
// A value that the system does not tell is left out.
func (m *metrics) processMetrics() []family {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	gauge := func(name, help string, value float64, labels ...*dto.LabelPair) family {
		return family{name: name, help: help, kind: dto.MetricType_GAUGE, list: []*dto.Metric{{Label: labels, Gauge: &dto.Gauge{Value: &value}}}}
	}
	counter := func(name, help string, value float64) family {
		return family{name: name, help: help, kind: dto.MetricType_COUNTER, list: []*dto.Metric{{Counter: &dto.Counter{Value: &value}}}}
	}
	list := []family{
		gauge("vcc_build_info", "Always 1; the label says which release this is.", 1,
			&dto.LabelPair{Name: new("version"), Value: &m.version}),
		gauge("go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine())),
		gauge("go_memstats_heap_inuse_bytes", "Memory of the heap that is in use.", float64(memory.HeapInuse)),
		gauge("go_memstats_sys_bytes", "Memory that was obtained from the system.", float64(memory.Sys)),
		counter("go_memstats_alloc_bytes_total", "Memory that was allocated, freed or not.", float64(memory.TotalAlloc)),
		gauge("process_start_time_seconds", "When the server started, in seconds since the epoch.", float64(m.started.UnixMilli())/1000),
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		list = append(list, gauge("process_open_fds", "File descriptors that are open.", float64(len(files)-1))) // one is the folder's own
	}
	// proc_pid_stat(5): the fields after the name, which is in brackets, begin with the third.
	const utime, stime, rss, ticksPerSecond = 14 - 3, 15 - 3, 24 - 3, 100
	stat, _ := os.ReadFile("/proc/self/stat")
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) <= rss {
		return list
	}
	user, userErr := strconv.ParseFloat(fields[utime], 64)
	system, systemErr := strconv.ParseFloat(fields[stime], 64)
	pages, pagesErr := strconv.ParseFloat(fields[rss], 64)
	if errors.Join(userErr, systemErr, pagesErr) != nil {
		return list
	}
	return append(list,
		counter("process_cpu_seconds_total", "Processor time in user and system mode.", (user+system)/ticksPerSecond),
		gauge("process_resident_memory_bytes", "Memory that is resident.", pages*float64(os.Getpagesize())),
	)
}
