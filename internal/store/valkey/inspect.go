package valkey

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"
)

// A Primary is what [Inspect] found of a server that takes writes.
type Primary struct {
	Address        string        // as its client has it
	Version        string        // "redis 7.0.15", "valkey 9.1.2"
	Policy         string        // maxmemory-policy
	MaxMemory      int64         // octets; 0: no limit
	AppendOnly     bool          // each change is written to its disk
	Replicas       int           // connected
	Latency        time.Duration // of a PING: the middle one of several
	ClockDiffers   time.Duration // of ours from its clock, the way there included
	LastSaveFailed bool          // the last snapshot
}

// Inspect looks at the servers of a store, without what is kept there. The error
// is that of the connection.
func Inspect(ctx context.Context, cfg Config) ([]Primary, error) {
	s := &Server{cfg: cfg}
	if s.cfg.Time == nil {
		s.cfg.Time = time.Now
	}
	client, err := valkey.NewClient(s.options())
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, err
	}
	defer client.Close()
	var list []Primary
	for address, node := range client.Nodes() {
		p, primary, err := s.inspect(ctx, node)
		if err != nil {
			return nil, err
		}
		if p.Address = address; primary {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Primary) int { return strings.Compare(a.Address, b.Address) })
	return list, nil
}

func (s *Server) inspect(ctx context.Context, c valkey.Client) (p Primary, primary bool, err error) {
	const pings = 5
	var took []time.Duration
	for range pings {
		begun := time.Now()
		if err := c.Do(ctx, c.B().Ping().Build()).Error(); err != nil {
			return p, false, err
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	p.Latency = took[pings/2]
	clock, err := c.Do(ctx, c.B().Time().Build()).AsStrSlice()
	if err != nil {
		return p, false, err
	}
	if len(clock) == 2 {
		seconds, _ := strconv.ParseInt(clock[0], 10, 64)
		micros, _ := strconv.ParseInt(clock[1], 10, 64)
		p.ClockDiffers = s.cfg.Time().Sub(time.Unix(seconds, micros*1000))
	}
	text, err := c.Do(ctx, c.B().Info().Build()).ToString()
	if err != nil {
		return p, false, err
	}
	f := fields(text)
	p.Version = "redis " + f["redis_version"]
	if v := f["valkey_version"]; v != "" {
		p.Version = "valkey " + v
	}
	p.Policy, p.AppendOnly = f["maxmemory_policy"], f["aof_enabled"] == "1"
	p.MaxMemory, _ = strconv.ParseInt(f["maxmemory"], 10, 64)
	p.Replicas, _ = strconv.Atoi(f["connected_slaves"])
	p.LastSaveFailed = f["rdb_last_bgsave_status"] == "err"
	return p, f["role"] == "master", nil
}

// fields returns what INFO prints, by its names.
func fields(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			found[name] = value
		}
	}
	return found
}
