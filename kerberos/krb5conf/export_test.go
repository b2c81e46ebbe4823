package krb5conf

import (
	"encoding/hex"
	"slices"
	"strings"
)

// DumpKrb5Conf has a line for each relation, and one for each section if
// wanted, sorted: names in hexadecimal.
func DumpKrb5Conf(c *Config, sections bool) string {
	var lines []string
	var walk func(n *confNode, path string)
	walk = func(n *confNode, path string) {
		values := map[string][]string{}
		for _, child := range n.children {
			name := path + hex.EncodeToString([]byte(child.name))
			if !child.section {
				values[name] = append(values[name], hex.EncodeToString([]byte(child.value)))
				continue
			}
			if sections {
				lines = append(lines, "S "+name+"\n")
			}
			walk(child, name+"/")
		}
		for name, list := range values {
			lines = append(lines, "R "+name+" "+strings.Join(list, ",")+"\n")
		}
	}
	walk(&c.root, "")
	slices.Sort(lines)
	return strings.Join(lines, "")
}
