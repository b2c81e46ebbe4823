package admin

import "github.com/prometheus/client_golang/prometheus"

// Registered is all that /metrics has.
func (a *Admin) Registered() prometheus.Collector { return a.metrics.registry }
