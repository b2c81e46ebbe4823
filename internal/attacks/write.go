package attacks

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// entry is an attack in attacks.json.
type entry struct {
	File        string            `json:"file"`
	Class       string            `json:"class"`
	Name        string            `json:"name"`
	ContentType string            `json:"content-type"`
	Action      string            `json:"soapaction,omitempty"`
	Header      map[string]string `json:"header,omitempty"`
}

// Write writes attacks to a folder, which it makes: the octets of each as a file
// of its own, and attacks.json with a list of them and of what goes into the
// header of HTTP.
func Write(dir string, list []Attack) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	index := make([]entry, 0, len(list))
	for i, a := range list {
		name := fmt.Sprintf("%05d.xml", i+1)
		index = append(index, entry{name, a.Class, a.Name, a.ContentType, a.Action, a.Header})
		if err := os.WriteFile(filepath.Join(dir, name), a.Octets, 0o644); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(index, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "attacks.json"), append(text, '\n'), 0o644)
}
