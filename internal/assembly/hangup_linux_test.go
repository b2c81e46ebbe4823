package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/internal/telemetry/telemetrytest"
)

// TestServeOutlivesAHangupAtItsEnd: a SIGHUP that comes when all has stopped but the
// last traces, which wait for their collector.
func TestServeOutlivesAHangupAtItsEnd(t *testing.T) {
	c := telemetrytest.New(t)
	asked, release := make(chan struct{}, 10), make(chan struct{})
	c.Answer = func(http.ResponseWriter, *http.Request) bool {
		asked <- struct{}{}
		<-release
		return false
	}
	c.Server.Start()
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL,
		"OTEL_BSP_SCHEDULE_DELAY": "1000000", "STATE_DIRECTORY": t.TempDir()} {
		t.Setenv(name, value)
	}
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	cfg := loadConfig(t, "backend: http://127.0.0.1:1/\nstandard: none\nadmin: 'off'\nlisten: "+addr+"\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, &Program{Settings: cfg, Log: slog.New(slog.DiscardHandler)}) }()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/elsewhere")
		if err == nil {
			_ = resp.Body.Close()
			break
		}
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	cancel()
	<-asked // Serve waits for nothing else any more
	// To this thread, which handles it before the call returns. One to the process may
	// come later: when Serve has returned, and it kills.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Tgkill(syscall.Getpid(), syscall.Gettid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c.Wait(t, 1)
}
