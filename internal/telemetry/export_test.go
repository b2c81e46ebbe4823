package telemetry

import "time"

// SetFirstPause sets how long the first pause before a request that is sent again
// lasts.
func SetFirstPause(d time.Duration) { firstPause = d }
