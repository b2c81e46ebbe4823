package manual

import "fmt"

// A SettingsPage describes a configuration file: a page of section 5.
type SettingsPage struct {
	Name    string // of the file
	About   string // one line
	Intro   []string
	Groups  []SettingsGroup
	Example string
	See     []string // other pages, such as "wssgate(1)"
}

// A SettingsGroup is the settings of one level of the file.
type SettingsGroup struct {
	Title    string
	Text     string
	Settings []Flag
}

// Roff returns the page, with e in its footer.
func (s *SettingsPage) Roff(e Edition) string {
	w := newPage(s.Name, "5", e, s.About)
	w.section("DESCRIPTION")
	for _, text := range s.Intro {
		w.text(text)
	}
	for _, g := range s.Groups {
		w.section(g.Title)
		w.text(g.Text)
		for _, f := range g.Settings {
			w.item(f.setting(), withDefault(f.Help, f.Default))
		}
	}
	w.section("EXAMPLE")
	w.literal(s.Example)
	w.see(s.See)
	return w.String()
}

// setting is the form in which the file has f.
func (f Flag) setting() string {
	value := f.Value
	if value == "" {
		value = "true|false"
	}
	return fmt.Sprintf("%s %s", bold(f.Name+":"), italic(value))
}
