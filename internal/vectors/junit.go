package vectors

import (
	"encoding/xml"
	"io"
	"slices"
)

// The elements of JUnit's XML, as continuous integration reads it.
type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Suites   []junitSuite
}

type junitSuite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Cases    []junitCase
}

type junitCase struct {
	XMLName xml.Name      `xml:"testcase"`
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the outcomes of vectors, a suite for each kind.
func WriteJUnit(w io.Writer, outcomes []Outcome) error {
	var all junitSuites
	for _, o := range outcomes {
		all.add(o.Kind, o.Name, o.Got, o.Problem)
	}
	return all.write(w)
}

// WriteReports is WriteJUnit for messages: one that is refused has failed.
func WriteReports(w io.Writer, reports []Report) error {
	var all junitSuites
	for _, r := range reports {
		problem := ""
		if r.Got != "ok" {
			problem = r.Reason
		}
		all.add("message", r.Name, r.Got, problem)
	}
	return all.write(w)
}

// add enters a test; problem is "" if it passed.
func (all *junitSuites) add(suite, name, message, problem string) {
	i := slices.IndexFunc(all.Suites, func(s junitSuite) bool { return s.Name == suite })
	if i < 0 {
		i = len(all.Suites)
		all.Suites = append(all.Suites, junitSuite{Name: suite})
	}
	c := junitCase{Name: name, Class: "wssgate.verify." + suite}
	s := &all.Suites[i]
	if problem != "" {
		c.Failure = &junitFailure{message, problem}
		s.Failures++
		all.Failures++
	}
	s.Tests++
	all.Tests++
	s.Cases = append(s.Cases, c)
}

func (all *junitSuites) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
