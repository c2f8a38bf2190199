use chiltepin::sh;

struct Opaque;

fn main() {
    let (x, opaque) = (1, Opaque);
    sh!("awk {print $1}");
    sh!("echo {x");
    sh!("echo x}");
    sh!("echo {x + 1}");
    sh!("echo {1..3}");
    sh!("echo {} {}", x);
    sh!("echo {x}", 2, unused = 3);
    sh!("echo {x:.*}");
    sh!("echo {opaque}");
    sh!("echo {missing}");
    sh!(format!("echo"));
}
