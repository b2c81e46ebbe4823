package firefox

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/coder/websocket"
)

// A connection carries commands to the browser, of any number of goroutines.
type connection struct {
	socket *websocket.Conn

	mu      sync.Mutex
	last    int                   // the number of the last command
	waiting map[int]chan<- answer // for the results of commands
	broken  error                 // why no more will come
}

// An answer is what the browser says to a command.
type answer struct {
	ID      int             `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

func dial(ctx context.Context, url string) (*connection, error) {
	socket, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(64 << 20)
	c := &connection{socket: socket, waiting: map[int]chan<- answer{}}
	go c.read()
	return c, nil
}

// read passes on what the browser says, until it is gone.
func (c *connection) read() {
	for {
		_, text, err := c.socket.Read(context.Background())
		var a answer
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		c.mu.Lock()
		if err != nil {
			c.broken = err
			for _, to := range c.waiting {
				close(to)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		if to := c.waiting[a.ID]; to != nil { // else an event
			delete(c.waiting, a.ID)
			to <- a
		}
		c.mu.Unlock()
	}
}

// do sends a command, and decodes its result.
func (c *connection) do(ctx context.Context, method string, params, result any) error {
	to := make(chan answer, 1)
	c.mu.Lock()
	if c.broken != nil {
		c.mu.Unlock()
		return fmt.Errorf("%s: the browser is gone: %w", method, c.broken)
	}
	c.last++
	id := c.last
	c.waiting[id] = to
	c.mu.Unlock()
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if err != nil {
		return err
	}
	if err := c.socket.Write(ctx, websocket.MessageText, text); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a, ok := <-to:
		if !ok {
			return fmt.Errorf("%s: the browser is gone: %w", method, c.broken)
		}
		if a.Error != "" {
			return fmt.Errorf("%s: %s: %s", method, a.Error, a.Message)
		}
		return json.Unmarshal(a.Result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}
